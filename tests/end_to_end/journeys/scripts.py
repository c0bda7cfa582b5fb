"""Scripts of eight journeys and the console that plays them; their transcripts are golden files.

`python -m tests.end_to_end.journeys.scripts` rewrites the transcripts; read the difference before keeping it.
A step is a typed line, `[label]` for a button, `+name` for a dump that lands, or `@role` for another person.
"""

import asyncio
import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot.cli.console import Console
from bot.settings import read_settings
from tests.tools.dumps import ARCHIVE, Shown, listing

HERE: Final = Path(__file__).parent
TAKEN: Final = 1_700_000_000  # time of the first file
GROUP: Final = {"id": -1_000_000_000_009, "type": "supergroup", "title": "读论文"}
FEED: Final = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>科学空间|Scientific Spaces</title><link>https://kexue.fm/</link>
<item><title>生成扩散模型漫谈(六):为测试写的一篇</title><link>https://kexue.fm/archives/9228</link>
<pubDate>Wed, 03 Aug 2022 10:00:00 +0800</pubDate>
<description>为测试写的摘要,谈构造与验证。</description></item>
</channel></rss>"""
DUMPS: Final[dict[str, str]] = {
    "archive.txt": listing(*ARCHIVE),
    "feed.xml": FEED,
    "one.txt": listing(Shown(title="位置编码随笔第13则", excerpt="又一则随笔。")),
    "two.txt": listing(
        Shown(title="位置编码随笔第14则", excerpt="再一则随笔。"),
        Shown(title="与此无关的一篇", excerpt="别的。"),
    ),
}

Script = tuple[tuple[str, str], ...]  # steps in Chinese and in English


def both(*steps: str) -> Script:
    return tuple((step, step) for step in steps)


JOURNEYS: Final[dict[str, Script]] = {
    "newcomer": (
        *both("/start"),
        ("[🔔 订阅全部]", "[🔔 Every post]"),
        *both("+one.txt", "/help"),
    ),
    "series_reader": (
        *both("/series 扩散"),
        ("[📖 开课]", "[📖 Start a course]"),
        ("[每天一篇]", "[One a day]"),
        ("[下一课]", "[Next lesson]"),
        ("[读过了]", "[Mark read]"),
        ("[下一课]", "[Next lesson]"),
        *both("/read"),
        ("[接着读 第 2 篇]", "[Continue with part 2]"),
        *both("/start", "/course"),
    ),
    "half_remembered_post": both(
        "那个扩散模型的温度",
        "拆楼",
        "[1]",
        "/tag attention",
        "kexue.fm/archives/9228#comment-3",
        "99999",
        "/foo",
    ),
    "citation": (
        *both("/start"),
        ("[读最新一篇]", "[Read the latest]"),
        ("[引用]", "[Cite]"),
        *both("9228"),
        ("[引用]", "[Cite]"),
        ("[复制引用]", "[Copy citation]"),
        ("[复制 BibTeX]", "[Copy BibTeX]"),
    ),
    "tuning": (
        ("/subscribe 全部", "/subscribe all"),
        ("/subscribe 屏蔽 关键词 无关", "/subscribe mute word 无关"),
        ("/settings 推送方式 每天", "/settings delivery daily"),
        ("/settings 推送时间 8:00", "/settings hour 8:00"),
        ("/settings 免打扰 23点到7点", "/settings quiet 23:00 to 7:00"),
        ("/settings 时区 Mars", "/settings zone Mars"),
        ("/settings 时区 东京", "/settings zone Tokyo"),
        ("/settings 推送方式 即时", "/settings delivery instantly"),
        ("/settings 免打扰 关", "/settings quiet off"),
        *both("+two.txt", "/subscriptions"),
    ),
    "group": (
        *both("@member", "/start", "/subscriptions", "/subscribe", "@administrator", "/subscribe"),
        ("[🔔 订阅全部]", "[🔔 Every post]"),
        *both("+one.txt", "@member", "/subscriptions", "@administrator", "/unsubscribe"),
    ),
    "leaving": (
        ("/subscribe 系列 扩散", "/subscribe series 扩散"),
        ("/subscribe 标签 attention", "/subscribe tag attention"),
        *both("/unsubscribe"),
        ("[全部退订]", "[Unsubscribe from all]"),
        ("[退订]", "[Unsubscribe]"),
        ("[恢复这 2 个订阅]", "[Restore 2 subscriptions]"),
        *both("/forget"),
        ("[取消]", "[Cancel]"),
        *both("/export", "/forget"),
        ("[全部删除]", "[Erase everything]"),
        *both("/subscriptions"),
    ),
    "operator": (
        *both("@stranger", "/status", "@operator", "/subscribe all", "/status", "/dumps", "/broadcast"),
        ("今晚 22 点维护十分钟", "Maintenance at 22:00, ten minutes"),
        ("[取消]", "[Cancel]"),
        *both("/release", "/retry"),
    ),
}

_ROLES: Final = {
    "member": (GROUP, 31, "member"),
    "administrator": (GROUP, 32, "creator"),
    "stranger": ({"id": 8, "type": "private", "first_name": "you"}, 8, "creator"),
    "operator": ({"id": 7, "type": "private", "first_name": "you"}, 7, "creator"),
}
# What differs from run to run.
_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "<time>"),
    (re.compile(r"kexue-bot \d+\.\d+\.\d+\S*"), "kexue-bot <version>"),
    (re.compile(r"─{3,}"), "───"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


async def play(script: Script, language: str) -> str:
    """Return the transcript of a script: what the person does, and all that the bot shows."""
    with tempfile.TemporaryDirectory() as folder:
        dumps = Path(folder) / "dumps"
        dumps.mkdir()
        for seconds, name in enumerate(("archive.txt", "feed.xml")):
            (dumps / name).write_text(DUMPS[name], encoding="utf-8")
            os.utime(dumps / name, (TAKEN + seconds, TAKEN + seconds))  # read in the order of their times
        settings = read_settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{folder}/kexue.db",
            dump_dir=dumps,
            admin_chat_ids=(7,),
        )
        console = Console(settings, language=language)
        shown = io.StringIO()
        console.screen.out = shown
        console.screen.times = False
        await console.service.start(polling=False)
        try:
            await console.drain()
            shown.truncate(0)
            shown.seek(0)
            for step in script:
                await _take(console, step[0 if language == "zh" else 1], dumps)
                await console.drain()
        finally:
            await console.service.stop()
        return _masked(shown.getvalue())


async def _take(console: Console, step: str, dumps: Path) -> None:
    console.screen.echo(f"› {step}")
    if step.startswith("+"):
        (dumps / step[1:]).write_text(DUMPS[step[1:]], encoding="utf-8")
        console.service.watch.wake()
    elif step.startswith("@"):
        console.screen.chat, console.screen.user_id, console.screen.role = _ROLES[step[1:]]
    elif step.startswith("["):
        labels = [button["text"] for _, button in console.screen.buttons]
        await console.say(str(labels.index(step[1:-1]) + 1))
    else:
        await console.say(step)


def _masked(transcript: str) -> str:
    for pattern, mask in _VARYING:
        transcript = pattern.sub(mask, transcript)
    return transcript


def file_of(name: str, language: str) -> Path:
    return HERE / f"{name}.{language}.txt"


async def write(names: Sequence[str] = tuple(JOURNEYS)) -> None:
    """Rewrite the transcripts."""
    for name in names:
        for language in ("zh", "en"):
            file_of(name, language).write_text(await play(JOURNEYS[name], language), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write())
