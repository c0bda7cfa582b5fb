"""Trace of the modules that one request crosses: `python -m tests.tools.module_trace [FOLDER]`.

Starts the console on an archive made of the dumps in FOLDER (default: the sample dumps), then counts, by
`sys.setprofile` in all threads, the files of `bot` and `storage` in which a function is called.
"""

import asyncio
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from types import CodeType, FrameType

from bot.cli.console import Console
from bot.settings import read_settings
from tests.tools.dumps import Shown, listing

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "data" / "dumps"
PACKAGES = (f"{ROOT}/bot/", f"{ROOT}/storage/")
SERIES = "/series 生成扩散模型漫谈"


async def modules_of(action: Callable[[], Awaitable[None]]) -> list[str]:
    """Return the files, relative to the repository, whose functions are called while `action` runs."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        await action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    files = {code.co_filename for code in seen if code.co_name not in {"<module>", "<lambda>"}}
    return sorted(str(Path(file).relative_to(ROOT)) for file in files if file.startswith(PACKAGES))


async def trace(folder: Path) -> dict[str, list[str]]:
    """Return the modules that one new post and one `/series` cross on an archive of the dumps in `folder`."""
    with tempfile.TemporaryDirectory() as work:
        dumps = Path(work) / "dumps"
        dumps.mkdir()
        for path in sorted(folder.glob("*.txt")):
            (dumps / path.name).write_bytes(path.read_bytes())
        settings = read_settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{work}/kexue.db",
            dump_dir=dumps,
            admin_chat_ids=(),
        )
        console = Console(settings)
        await console.service.start(polling=False)
        try:
            await console.drain()
            for line in ("/start", "1", "/latest"):  # the first button subscribes to everything
                await console.say(line)

            async def new_post() -> None:
                (dumps / "new.txt").write_text(
                    listing(Shown(title="一篇新的文章", day=date(2026, 11, 20))), "utf-8"
                )
                console.service.watch.wake()
                await console.drain()

            return {
                "one new post, from the file to the request": await modules_of(new_post),
                SERIES: await modules_of(lambda: console.say(SERIES)),
            }
        finally:
            await console.service.stop()


def main() -> None:
    """Print both traces with their number of modules."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    for name, modules in asyncio.run(trace(folder)).items():
        sys.stdout.write(f"{name}: {len(modules)} modules\n")
        sys.stdout.write("".join(f"  {module}\n" for module in modules))


if __name__ == "__main__":
    main()
