"""Edits that land within a fan-out: in the end every chat shows the post as it is."""

import asyncio
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.delivery.composer import ArchiveComposer
from bot.delivery.messenger import RichCapability
from bot.intake.ingest import IngestRules, ingest
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Delivery, DeliveryKind, DestinationId, Dump, Settlement, State
from tests.delivery.archive import THEN
from tests.delivery.test_outages import CHATS, Answer, Delivering, Server, subscribe
from tests.fakes.virtual_time import run
from tests.tools.databases import url_in
from tests.tools.dumps import Shown, listing

LEASE = timedelta(minutes=2)
GROUP, SUPERGROUP = -5, -1_000_000_000_005
OLD, NEW = "旧的摘要，为测试而写。", "新的摘要，为测试而写。"


async def land(database: Database, excerpt: str, *, first: bool = False, at: datetime | None = None) -> None:
    """Take in a dump with one post; the `first` is not announced."""
    day = date(2026, 11, 1 if first else 20)
    content = listing(Shown(title="首篇" if first else "甲", day=day, excerpt=excerpt)).encode()
    now = at or THEN + timedelta(minutes=0 if first else 1 + (excerpt == NEW))
    dump = Dump(name=f"{excerpt}{first}.txt", content=content, captured_at=now)
    await ingest(database, dump, IngestRules(), now)


async def chats(tx: Transaction, *ids: int) -> list[DestinationId]:
    everything = (await tx.scopes.everything()).id
    made = []
    for chat_id in ids:
        kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
        made.append((await tx.destinations.ensure(chat_id, None, kind, "", THEN)).id)
        await tx.destinations.subscribe(made[-1], everything, THEN)
    return made


async def claim(database: Database, slots: int = 10) -> list[Delivery]:
    return await database.write(lambda tx: tx.outbox.claim(slots, THEN + timedelta(hours=1), LEASE))


async def sent(database: Database, delivery: Delivery, message_id: int) -> None:
    written = [Settlement(delivery.id, delivery.token, State.SENT, message_id=message_id)]
    await database.write(lambda tx: tx.outbox.settle(written, THEN + timedelta(minutes=3)))


@pytest.mark.parametrize("answered", ["before the edit", "after it"])
@pytest.mark.parametrize("migrates", [False, True], ids=["", "the group migrates"])
async def test_what_is_being_sent_is_edited_too(database: Database, answered: str, migrates: bool) -> None:
    """Its number may come after the edit; in a supergroup the numbers of the group mean other messages."""
    await database.write(lambda tx: chats(tx, GROUP))
    await land(database, OLD, first=True)
    await land(database, OLD)
    (announced,) = await claim(database)
    if answered == "before the edit":
        await sent(database, announced, 7)
    await land(database, NEW)
    if answered == "after it":
        assert await claim(database) == []
        await sent(database, announced, 7)
    if migrates:
        await database.write(lambda tx: tx.destinations.migrate_chat(GROUP, SUPERGROUP))
    (edit,) = await claim(database)
    assert (edit.kind, edit.message_id) == (DeliveryKind.EDIT, None if migrates else 7)


async def test_what_is_claimed_after_an_edit_is_not_composed_as_before_it(database: Database) -> None:
    """Another process took the edit in: this one's messages are cached."""
    await database.write(lambda tx: chats(tx, 1, 2))
    await land(database, OLD, first=True)
    await land(database, OLD)
    clock = SystemClock()
    composer = ArchiveComposer(database, clock, bot="b", rich=RichCapability(clock, wanted=False))
    texts = []
    for excerpt in (OLD, NEW):
        await land(database, excerpt)
        (delivery,) = await claim(database, 1)
        composed = await composer.compose(delivery)
        assert composed is not None
        texts.append(composed.message.html)
    assert "旧的摘要" in texts[0]
    assert "新的摘要" in texts[1]


class Shows(Server):
    """Takes a while for each message, so that some are under way when the edit lands."""

    def take(self, chat_id: int, text: str) -> None:
        self.copies[chat_id, "新的摘要" if "新的摘要" in text else "旧的摘要"] += 1

    async def do_request(self, url: str, *args: object, **kwargs: object) -> Answer:
        await asyncio.sleep(0.2)
        return await super().do_request(url, *args, **kwargs)  # type: ignore[arg-type]


async def edited_within(url: str, databases: list[Database]) -> None:
    database = await open_database(url)
    databases.append(database)
    server = Shows()
    delivering = Delivering(database, server)
    await database.write(lambda tx: subscribe(tx, delivering.clock))
    await delivering.starts()
    await land(database, OLD, first=True, at=delivering.clock.now())
    await land(database, OLD, at=delivering.clock.now())
    delivering.worker.wake()
    await asyncio.sleep(0.8)
    under_way = sum(server.copies.values())
    await land(database, NEW, at=delivering.clock.now())
    delivering.worker.wake()
    await asyncio.sleep(120)
    assert 0 < under_way < len(CHATS)
    assert {chat_id for chat_id, text in server.copies if text == "新的摘要"} == set(CHATS)
    await delivering.is_killed()
    await database.close()


@pytest.mark.sqlite_only
def test_every_chat_shows_the_edit_that_landed_within_a_fan_out(tmp_path: Path) -> None:
    databases: list[Database] = []
    url = url_in(tmp_path)
    run(lambda: edited_within(url, databases), lambda: any(database._running for database in databases))
