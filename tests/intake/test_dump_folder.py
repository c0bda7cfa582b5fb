"""What lands in the folder: whole files, names and links of every kind, many unreadable files."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from watchfiles import Change

from bot.cli import archive
from bot.intake import dump_folder
from bot.intake.dump_folder import DumpFolderWatcher, captures, moved_in, scan, shown_name
from bot.site_profile import KEXUE
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import PATIENCE, FakeTelegram
from tests.tools.dumps import Shown, listing

ADDED, GONE, WRITTEN = Change.added, Change.deleted, Change.modified
TITLE = "位置编码随笔第一则"


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        pytest.param([(GONE, "d/news.part"), (ADDED, "d/news.txt")], ["d/news.txt"], id="another ending"),
        pytest.param([(GONE, "d/.n.txt.part"), (ADDED, "d/n.txt")], ["d/n.txt"], id="hidden and unfinished"),
        pytest.param([(GONE, "d/.n.txt.Xa3f"), (ADDED, "d/n.txt")], ["d/n.txt"], id="as rsync does"),
        pytest.param(
            [(ADDED, "d/n.tmp"), (WRITTEN, "d/n.tmp"), (GONE, "d/n.tmp"), (ADDED, "d/n.txt")],
            ["d/n.txt"],
            id="written and renamed at once",
        ),
        pytest.param([(ADDED, "d/n.txt")], [], id="made in place, or moved in from elsewhere"),
        pytest.param([(ADDED, "d/n.txt"), (WRITTEN, "d/n.txt")], [], id="written in place"),
        pytest.param([(WRITTEN, "d/n.txt")], [], id="written further"),
        pytest.param(
            [(GONE, "d/n.part"), (ADDED, "d/n.txt"), (WRITTEN, "d/n.txt")], [], id="written after the rename"
        ),
        pytest.param([(GONE, "d/other.part"), (ADDED, "d/n.txt")], [], id="another file's unfinished name"),
        pytest.param([(GONE, "d/n.old"), (ADDED, "d/n.txt")], [], id="from a name that was not unfinished"),
        pytest.param([(GONE, "e/n.part"), (ADDED, "d/n.txt")], [], id="in another folder"),
    ],
)
def test_a_file_is_whole_if_it_was_renamed_from_its_unfinished_name(
    changes: list[tuple[Change, str]], whole: list[str]
) -> None:
    assert moved_in(changes) == set(map(Path, whole))


async def test_a_file_that_is_renamed_in_need_not_rest(
    bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.knows(Shown(title="旧文"))
    await bot.subscribes()
    monkeypatch.setattr(dump_folder, "REST_SECONDS", 3600.0)
    bot.lands("next.txt", Shown(title=TITLE))
    assert TITLE in (await telegram.message()).text


NAMES = {
    b"\xff\xfe\xb2\xe2\xca\xd4.txt": r"\xff\xfe\xb2\xe2\xca\xd4.txt",
    b"line\nbreak\ttab.txt": r"line\nbreak\ttab.txt",
    b"escape\x1b[31mred\x7f.txt": r"escape\x1b[31mred\x7f.txt",
    "right\u202eleft\u2066.txt".encode(): r"right\u202eleft\u2066.txt",
    "separator\u2028.txt".encode(): r"separator\u2028.txt",
    "no width\u200b\ufeff.txt".encode(): r"no width\u200b\ufeff.txt",
    "科学　空间.txt".encode(): "科学　空间.txt",
    b"x" * 251 + b".txt": "x" * 200 + "…" + "x" * 36 + ".txt",
    b"\xff" * 255: r"\xff" * 50 + "…" + r"\xff" * 10,
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_name_of_any_bytes_is_shown_escaped(
    bot: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, name: bytes
) -> None:
    caplog.set_level("INFO")
    shown = NAMES[name]
    assert shown_name(Path(os.fsdecode(name))) == shown
    await bot.knows(Shown(title="旧文"))
    await bot.subscribes()
    (bot.dumps / os.fsdecode(name)).write_text(listing(Shown(title=TITLE)))
    bot.service.watch.wake()
    assert TITLE in (await telegram.message()).text
    telegram.user_says("/dumps", chat_id=OPERATOR, user_id=OPERATOR)
    assert " ".join(shown.partition("…")[0][:60].split()) in (await telegram.message(OPERATOR)).text
    assert f"took in {shown}" in caplog.text


async def test_many_unreadable_files_are_one_notice_and_delay_no_newer_dump(
    bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_folder, "TURN_SECONDS", 0.05)
    await bot.knows(Shown(title="旧文"))
    await bot.subscribes()
    for number in range(150):
        (bot.dumps / f"junk-{number}.txt").write_bytes(b"\x00\x01 no dump %d" % number)
        os.utime(bot.dumps / f"junk-{number}.txt", (1e9, 1e9))
    bot.service.watch.wake()
    await bot.until(lambda: _known(bot, 5))
    bot.lands("news.txt", Shown(title=TITLE))
    assert TITLE in (await telegram.message()).text
    said = (await telegram.message(OPERATOR, timeout=4 * PATIENCE)).text  # after 150 files, each in its turn
    assert "150" in said
    assert "junk-" in said
    await bot.settles()
    assert len(telegram.messages(OPERATOR)) == 1
    newest_first = [record.name for record in await bot.database.read(lambda tx: tx.dumps.recent(1000))]
    assert len(newest_first) == 152
    assert newest_first[0] != "news.txt"  # junk that lay there before was still read after it


async def test_the_notice_of_unreadable_files_survives_a_restart_within_their_scan(
    bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_folder, "TURN_SECONDS", 0.05)
    await bot.knows(Shown(title="旧文"))
    for number in range(60):
        (bot.dumps / f"junk-{number}.txt").write_bytes(b"\x00\x01 no dump %d" % number)
    bot.service.watch.wake()
    await bot.until(lambda: _known(bot, 5))
    await bot.restarts()
    assert "60" in (await telegram.message(OPERATOR)).text
    await bot.settles()
    assert len(telegram.messages(OPERATOR)) == 1


async def _count(bot: WholeBot) -> int:
    return len(await bot.database.read(lambda tx: tx.dumps.recent(1000)))


async def _known(bot: WholeBot, least: int) -> bool:
    return await _count(bot) >= least


async def test_the_newest_file_is_first(tmp_path: Path) -> None:
    for name, modified in {"b": 3e8, "a": 1e8, "c": 2e8}.items():
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (modified, modified))
    handled: list[str] = []

    async def handle(path: Path) -> None:
        handled.append(path.name)
        if path.name == "b":
            raise LookupError("one bad file")

    watcher = DumpFolderWatcher(tmp_path, handle)
    assert not await watcher.scan()
    assert handled == ["b", "c", "a"]
    assert [name for _, name in archive._files([tmp_path])] == handled, "as `ingest` does"


async def test_a_file_is_handed_on_again_when_only_its_permissions_change(tmp_path: Path) -> None:
    """A file that could not be read was refused with the advice to change them."""
    (tmp_path / "a.txt").write_text("x")
    handled: list[str] = []

    async def handle(path: Path) -> None:
        handled.append(path.name)

    watcher = DumpFolderWatcher(tmp_path, handle)
    assert not await watcher.scan()
    assert not await watcher.scan()
    (tmp_path / "a.txt").chmod(0o640)
    assert not await watcher.scan()
    assert handled == ["a.txt"] * 2


@pytest.mark.parametrize("modified", [0, -1e13, 3.2e8, 1e13], ids=["1970", "no year", "1980", "future"])
def test_an_impossible_time_of_a_file_is_not_that_of_its_capture(tmp_path: Path, modified: float) -> None:
    file, now = tmp_path / "a.txt", datetime(2026, 9, 1, tzinfo=UTC)
    file.write_text(listing(Shown(title=TITLE)))
    os.utime(file, (modified, modified))
    assert [dump.captured_at for dump in captures(file, file.name, now, KEXUE)] == [now]


async def test_files_that_fail_for_the_same_reason_are_one_traceback_and_a_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        (tmp_path / f"{number}.txt").write_text("x")

    async def handle(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    watcher = DumpFolderWatcher(tmp_path, handle)
    for _ in range(2):
        assert not await watcher.scan()
    said = [
        (bool(record.exc_info or record.exc_text), record.getMessage().partition(" ")[2][:37])
        for record in caplog.records
    ]
    first, rest = "could not be taken in (OSError(28, 'N", "further files could not be taken in a"
    assert said == [(True, first), (False, rest), (False, first), (False, rest)]


def test_links_out_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "dumps"
    (folder / "deep" / "er").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("a secret")
    (outside / "own.txt").write_text("hard-linked by its owner")
    if os.geteuid() == 0:
        os.chown(outside / "secret.txt", 10001, -1)
        (folder / "hard.txt").hardlink_to(outside / "secret.txt")
    (folder / "own.txt").hardlink_to(outside / "own.txt")
    (folder / "soft.txt").symlink_to(outside / "secret.txt")
    (folder / "soft").symlink_to(outside)
    (folder / "deep" / "er" / "dump.txt").write_text("a dump")
    found = sorted(str(file.path.relative_to(folder)) for file in scan(folder))
    assert found == ["deep/er/dump.txt", "own.txt"]


def watches() -> int:
    """The inotify watches of this process."""
    count = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            count += info.read_text().count("inotify wd:")
        except OSError:
            continue
    return count


async def watched(folder: Path, during: Callable[[DumpFolderWatcher], Awaitable[None]]) -> None:
    async def handle(_path: Path) -> None:
        """Take nothing in."""

    watcher = DumpFolderWatcher(folder, handle)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(watcher.listen())
        await during(watcher)
        watcher.stop()


async def until(reached: Callable[[], bool]) -> None:
    while not reached():
        await asyncio.sleep(0.05)


async def test_a_link_to_other_folders_is_not_watched(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "dumps"
    for number in range(50):
        (outside / str(number)).mkdir(parents=True)
    (folder / "years").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "root").symlink_to("/")
    before = watches()

    async def look(_watcher: DumpFolderWatcher) -> None:
        await until(lambda: watches() == before + 2)
        await asyncio.sleep(0.5)
        assert watches() == before + 2
        (folder / "years" / "2026").mkdir()
        await until(lambda: watches() == before + 3)

    await watched(folder, look)


async def test_a_folder_without_watches_is_scanned_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def none_left(*folders: Path, **_options: object) -> AsyncIterator[Path]:
        for _ in folders:
            raise OSError(28, "inotify watch limit reached")
        yield folders[0]

    monkeypatch.setattr(dump_folder, "awatch", none_left)

    async def look(watcher: DumpFolderWatcher) -> None:
        for _ in range(2):
            await until(lambda: watcher.awake)
            watcher._news.clear()

    await watched(tmp_path, look)
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "events of DUMP_DIR fail" in line and "limit reached" in line]) == 1


async def test_a_name_that_is_not_utf_8_does_not_end_the_watch(tmp_path: Path) -> None:
    async def look(watcher: DumpFolderWatcher) -> None:
        before = watches()
        await until(lambda: watches() > before or watcher.awake)
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("x")
        await until(lambda: watcher.awake)
        await asyncio.sleep(1.2)
        await watcher.scan()
        (tmp_path / "next.txt").write_text("x")
        await until(lambda: watcher.awake)

    await watched(tmp_path, look)


async def test_a_folder_whose_name_is_not_utf_8_is_scanned(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()

    async def look(watcher: DumpFolderWatcher) -> None:
        await until(lambda: watcher.awake)

    await watched(folder, look)


def test_a_folder_that_cannot_be_listed_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dump.txt").write_text("x")
    listed = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "b":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert {file.path.parent.name for file in scan(tmp_path)} == {"a", "c"}


def test_a_very_deep_folder_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("d").mkdir()
        os.chdir("d")
    Path("dump.txt").write_text("x")
    os.chdir("/")
    (tmp_path / "dump.txt").write_text("x")
    try:
        assert len(scan(tmp_path)) == 2
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # deeper than Python's own removal goes
