"""The demo: the console on a temporary database, fed with the sample dumps of this package."""

import shutil
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from bot.console import Console
from bot.settings import read_settings


async def demo() -> None:
    """Take in a first dump silently, subscribe, let a second one land, then answer."""
    with tempfile.TemporaryDirectory(prefix="kexue-demo-") as folder:
        dumps = Path(folder) / "dumps"
        dumps.mkdir()
        settings = read_settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{folder}/kexue.db",
            dump_dir=dumps,
            admin_chat_ids=(),
        )
        console = Console(settings)
        say = console.screen.console.print
        say("kexue-bot 演示 · a demo of kexue-bot", style="bold", highlight=False)
        say("临时的数据库，两份样例抓取，终端就是聊天窗口。输入 /help 看命令，输入数字按按钮，quit 结束。")
        say("A temporary database and two sample dumps. Type /help, a button's number, or quit.\n")
        _land("first.txt", dumps)
        await console.service.start(polling=False)
        try:
            await console.drain()
            await _show(console, "/start")
            await _show(console, "/subscribe")
            say("… 第二份抓取落进了文件夹 · a second dump lands in the folder", style="dim", highlight=False)
            _land("second.txt", dumps)
            console.service.watch.wake()
            await console.drain()
            await _show(console, "/latest")
            await console.talk()
        finally:
            await console.service.stop()


async def _show(console: Console, line: str) -> None:
    console.screen.echo(f"› {line}")
    await console.say(line)


def _land(sample: str, folder: Path) -> None:
    with as_file(files("bot") / "samples" / sample) as source:
        shutil.copyfile(source, folder / sample)
