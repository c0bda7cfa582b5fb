"""An installation moves from one database to another and back: all of it or nothing, and it goes on."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import UnusableDatabaseError
from storage.copy import CopyRefusedError, copy
from storage.database import Transaction, open_database
from storage.model import Delivery, State
from tests.conftest import NOT_INSTALLED, stocked
from tests.end_to_end.whole_bot import WholeBot, store
from tests.fakes.people import READER, FakeTelegram
from tests.tools.databases import Kind, blank_in, change, empty, kind_in_use, rows, url_in
from tests.tools.dumps import Shown, listing
from tests.tools.installations import blank, everything, old_one

pytestmark = NOT_INSTALLED

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WAYS = [(Kind.SQLITE, Kind.POSTGRES), (Kind.POSTGRES, Kind.SQLITE)]
NEWS = Shown(title="搬家以后的文章", excerpt="搬家时还没有发出去。")


@pytest.fixture(params=WAYS, ids="-to-".join)
def way(request: pytest.FixtureRequest) -> tuple[Kind, Kind]:
    found: tuple[Kind, Kind] = request.param
    return found


def heard(*_: object) -> None:
    """Ignore the progress."""


async def moved(source: str, target: str) -> dict[str, int]:
    return await copy(source, target, now=NOW, resend=True, progress=heard)


async def test_every_row_arrives(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    before = everything(source)
    steps: list[tuple[str, int, int]] = []
    written = await copy(source, target, now=NOW, resend=True, progress=lambda *step: steps.append(step))
    assert written == {name: len(found) for name, found in before.items()}
    assert written["posts"] > 20
    assert everything(target) == before == everything(source)
    assert {name: (done, total) for name, done, total in steps} == {n: (r, r) for n, r in written.items()}


async def test_there_and_back_again_it_is_the_same(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    with kind_in_use(way[0]):
        back = blank_in(tmp_path, "back.db")
    await moved(source, target)
    await moved(target, back)
    assert everything(back) == everything(source)


async def test_what_comes_later_gets_numbers_of_its_own(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    await moved(source, target)
    report = await store(target, listing(NEWS).encode())
    assert report.new == 1
    change(target, "INSERT INTO phrases (words, used_at) VALUES ('first', 0)")
    for table in ("posts", "dumps", "phrases"):
        ((last,),) = rows(target, f"SELECT max(id) FROM {table}")
        ((before,),) = rows(source, f"SELECT coalesce(max(id), 0) FROM {table}")
        assert last == before + 1


async def test_ids_of_deleted_rows_are_not_given_in_the_copy(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    change(source, "INSERT INTO phrases (words, used_at) VALUES ('gone', 0)")
    ((gone,),) = rows(source, "SELECT max(id) FROM phrases")
    change(source, "DELETE FROM phrases WHERE words = 'gone'")
    await moved(source, target)
    change(target, "INSERT INTO phrases (words, used_at) VALUES ('next', 0)")
    assert rows(target, "SELECT id FROM phrases WHERE words = 'next'") == [(gone + 1,)]


async def test_what_was_pending_goes_on_where_it_is_now(
    way: tuple[Kind, Kind], telegram: FakeTelegram, tmp_path: Path
) -> None:
    """Forty chats are to hear of a post; the bot moves in the middle, and each hears of it once."""
    chats = range(READER, READER + 40)
    with kind_in_use(way[0]):
        bot = WholeBot(telegram, tmp_path, max_in_flight=2)
        bot.filled = stocked
        source = bot.url
        await bot.starts()
        for chat in chats:
            await bot.subscribes(chat)
        telegram.world.latency = 0.05
        bot.lands("news.txt", NEWS)
        await telegram.message(chats[5])
        await bot.stops()
    ((left,),) = rows(source, "SELECT count(*) FROM deliveries WHERE state = 'pending'")
    assert 0 < left < len(chats)
    target = blank(way[1], tmp_path)
    await moved(source, target)
    later = WholeBot(telegram, tmp_path, database_url=target)
    await later.starts()
    try:
        await later.settles()
        assert await later.counts() == {State.SENT: len(chats)}
    finally:
        await later.stops()
    assert [len(telegram.messages(chat)) for chat in chats] == [1] * len(chats)


async def test_what_a_death_left_is_ended_in_the_copy(tmp_path: Path) -> None:
    """Of three deliveries one was started and one only claimed, by the send log next to the old database."""
    target = blank(Kind.POSTGRES, tmp_path)
    with kind_in_use(Kind.SQLITE):
        source = url_in(tmp_path, "old.db")
    database = await open_database(source)

    async def claim_two(tx: Transaction) -> list[Delivery]:
        for chat in (1, 2, 3):
            await tx.planner.notify_chats((chat,), "notice", "{}", NOW)
        return await tx.outbox.claim(2, NOW, timedelta(minutes=2))

    begun, _ = await database.write(claim_two)
    log = database.send_log()
    assert log is not None
    log.reset()
    log.record_start(begun.id, begun.token)
    log.close()
    await database.close()
    await moved(source, target)
    found = rows(target, "SELECT state, unsure FROM deliveries ORDER BY id")
    assert [tuple(row) for row in found] == [(State.PENDING, 1), (State.PENDING, 0), (State.PENDING, 0)]


async def test_a_copy_that_breaks_leaves_the_target_empty(
    way: tuple[Kind, Kind], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a table; only a copy that is killed leaves its rows."""
    monkeypatch.setattr("storage.copy.BATCH", 10)
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)

    def break_off(table: str, done: int, _total: int) -> None:
        if table == "posts" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await copy(source, target, now=NOW, resend=True, progress=break_off)
    assert not any(everything(target).values())
    await (await open_database(target)).close()
    monkeypatch.setattr("storage.copy._clear", lambda _: asyncio.sleep(0))  # as if killed
    with pytest.raises(KeyboardInterrupt):
        await copy(source, target, now=NOW, resend=True, progress=break_off)
    assert len(everything(target)["posts"]) == 10
    with pytest.raises(UnusableDatabaseError, match="unfinished copy: repeat `kexue-bot copy`"):
        await open_database(target)
    with pytest.raises(CopyRefusedError, match="source holds an unfinished copy"):
        await moved(target, blank_in(tmp_path, "third.db"))
    monkeypatch.undo()
    await moved(source, target)
    assert everything(target) == everything(source)


async def test_rows_that_do_not_arrive_are_noticed(tmp_path: Path) -> None:
    """A trigger drops the rows silently."""
    source, target = old_one(Kind.SQLITE, tmp_path), blank(Kind.POSTGRES, tmp_path)
    await empty(target)
    nothing = "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    change(target, nothing)
    change(target, "CREATE TRIGGER nothing BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION nothing()")
    with pytest.raises(CopyRefusedError, match=r"of 1 rows of facts 0 arrived"):
        await moved(source, target)
    assert all(not found for name, found in everything(target).items() if name != "scopes")


async def test_what_must_not_be_copied_is_refused(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, full = old_one(way[0], tmp_path), old_one(way[1], tmp_path)
    with pytest.raises(
        CopyRefusedError, match=r"target is not empty \(table .*\): give a database of its own"
    ):
        await moved(source, full)
    with pytest.raises(CopyRefusedError, match="both addresses are the same"):
        await moved(source, source)
    theirs, target = blank(way[0], tmp_path), blank(way[1], tmp_path)
    change(theirs, "CREATE TABLE theirs (something INTEGER)")
    with pytest.raises(CopyRefusedError, match="source is no database of kexue-bot"):
        await moved(theirs, target)
    with pytest.raises(CopyRefusedError, match=r"target is not empty \(table theirs\): give a database of"):
        await moved(source, theirs)


async def test_a_target_that_was_started_once_is_taken(way: tuple[Kind, Kind], tmp_path: Path) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    await empty(target)
    await moved(source, target)
    assert everything(target) == everything(source)


@pytest.mark.parametrize("which", ["source", "target"])
@pytest.mark.parametrize("schema", ["0001", "9999"])
async def test_another_schema_is_refused(
    which: str, schema: str, way: tuple[Kind, Kind], tmp_path: Path
) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    await empty(target)
    change(source if which == "source" else target, f"UPDATE alembic_version SET version_num = '{schema}'")
    with pytest.raises(CopyRefusedError, match=f"the {which} has schema {schema}, not .*kexue-bot migrate"):
        await moved(source, target)


@pytest.mark.parametrize("which", ["source", "target"])
async def test_while_a_bot_is_running_nothing_is_copied(
    which: str, way: tuple[Kind, Kind], telegram: FakeTelegram, tmp_path: Path
) -> None:
    source, target = old_one(way[0], tmp_path), blank(way[1], tmp_path)
    bot = WholeBot(telegram, tmp_path, database_url=source if which == "source" else target)
    await bot.starts()
    try:
        with pytest.raises((CopyRefusedError, UnusableDatabaseError), match=r"stop it first"):
            await moved(source, target)
    finally:
        await bot.stops()
    if which == "source":
        await moved(source, target)


async def test_a_source_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CopyRefusedError, match="is not there"):
        await moved(f"sqlite+aiosqlite:///{tmp_path}/typo.db", blank(Kind.POSTGRES, tmp_path))
    assert not (tmp_path / "typo.db").exists()
