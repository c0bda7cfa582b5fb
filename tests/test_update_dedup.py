"""Update dedup: a repeated update has its effect once, also after a restart, a kill, in two processes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from bot import update_dedup
from bot.update_dedup import ChangeOrder, DuplicateUpdateError, UpdateDeduplicator, once_per_update
from storage.clock import SystemClock
from storage.database import Database, Transaction
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import READER, FakeTelegram
from tests.fakes.replies import Delay

NUMBER = 4711


class Effect:
    """What the update is about: a count in the database, which a second effect would raise to two."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.begun = 0

    async def happens(self) -> None:
        self.begun += 1
        await self._database.write(once_per_update(self._unit))

    async def _unit(self, tx: Transaction) -> None:
        await tx.key_values.put("count", str(int(await tx.key_values.get("count") or 0) + 1))

    async def count(self) -> int:
        return int(await self._database.read(lambda tx: tx.key_values.get("count")) or 0)

    def then(self, later: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        async def both() -> None:
            await self.happens()
            await later()

        return both


def process(database: Database) -> UpdateDeduplicator:
    return UpdateDeduplicator(database, SystemClock())


async def forever() -> None:
    await asyncio.Event().wait()


async def dies(work: Callable[[], Awaitable[object]], database: Database) -> None:
    """Handle the update up to `work`, then end like a killed process: its tasks never resume."""
    one = process(database)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await one.handle(NUMBER, work)


async def test_what_comes_twice_is_done_once(database: Database) -> None:
    effect, one = Effect(database), process(database)
    assert await one.handle(NUMBER, effect.happens)
    assert await one.handle(NUMBER, effect.happens)
    assert (effect.begun, await effect.count()) == (1, 1)


async def test_a_restart_remembers(database: Database) -> None:
    effect = Effect(database)
    for number in (NUMBER, NUMBER - 3, NUMBER + 1):
        assert await process(database).handle(number, effect.happens)
    for number in (NUMBER + 1, NUMBER, NUMBER - 3):
        assert await process(database).handle(number, effect.happens)
    assert (effect.begun, await effect.count()) == (3, 3)


async def test_what_has_no_effect_is_remembered_too(database: Database) -> None:
    answered: list[int] = []

    async def answer() -> None:
        answered.append(1)

    for _ in range(2):
        assert await process(database).handle(NUMBER, answer)
    assert answered == [1]


async def test_two_who_bring_the_same_wait_for_the_same(database: Database) -> None:
    effect, one, go_on = Effect(database), process(database), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(one.handle(NUMBER, effect.then(go_on.wait))) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert not any(each.done() for each in both)
        go_on.set()
    assert [each.result() for each in both] == [True, True]
    assert effect.begun == 1


async def test_who_does_not_wait_any_more_stops_nothing(database: Database) -> None:
    effect, one, go_on = Effect(database), process(database), asyncio.Event()

    async def slow() -> None:
        await go_on.wait()
        await effect.happens()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await one.handle(NUMBER, slow)
    go_on.set()
    assert await one.handle(NUMBER, slow)
    assert await effect.count() == 1


async def test_what_failed_may_be_brought_again(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    effect, one = Effect(database), process(database)

    async def fails() -> None:
        raise ValueError("broken")

    assert not await one.handle(NUMBER, fails)
    assert "broken" in caplog.text
    assert await process(database).handle(NUMBER, effect.happens)
    assert await effect.count() == 1


async def test_a_death_before_the_effect_swallows_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared database the next process waits until the update's lease has expired."""
    monkeypatch.setattr(update_dedup, "SPAN", timedelta(seconds=1))
    effect = Effect(database)
    await dies(forever, database)
    other = process(database)
    if database.is_multi_process:
        assert not await other.handle(NUMBER, effect.happens)
        await asyncio.sleep(1)
    assert await other.handle(NUMBER, effect.happens)
    assert await effect.count() == 1


@pytest.fixture
def nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that another process started is free at once."""
    monkeypatch.setattr(update_dedup, "SPAN", timedelta(seconds=0))


@pytest.mark.usefixtures("nobodys")
async def test_a_death_after_the_effect_repeats_nothing(database: Database) -> None:
    effect = Effect(database)
    await dies(effect.then(forever), database)
    assert await process(database).handle(NUMBER, effect.happens)
    assert await effect.count() == 1


@pytest.mark.usefixtures("nobodys")
async def test_of_two_at_the_same_time_one_has_the_effect(database: Database) -> None:
    """A process frozen for longer than its lease on the update resumes while the next one handles it."""
    effect, late = Effect(database), asyncio.Event()
    refused: list[bool] = []

    async def frozen() -> None:
        await late.wait()
        try:
            await effect.happens()
        except DuplicateUpdateError:
            refused.append(True)

    async with asyncio.TaskGroup() as group:
        group.create_task(process(database).handle(NUMBER, frozen))
        await asyncio.sleep(0.1)
        assert await process(database).handle(NUMBER, effect.happens)
        late.set()
    assert (await effect.count(), refused) == (1, [True])


async def test_late_updates_end_with_the_stop_and_are_handled_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that went on would use the database after its close."""
    monkeypatch.setattr(update_dedup, "SPAN", timedelta(seconds=0))
    effect, one, begun = Effect(database), process(database), asyncio.Event()

    async def late() -> None:
        begun.set()
        await forever()
        await effect.happens()

    async with asyncio.TaskGroup() as group:
        handled = group.create_task(one.handle(NUMBER, late))
        await begun.wait()
        await one.finished(0.01)
        await one.abandon()
    assert not handled.result()
    assert await process(database).handle(NUMBER, effect.happens)
    assert await effect.count() == 1


@pytest.mark.both_databases
async def test_a_stop_of_the_bot_ends_late_updates(resting_bot: WholeBot) -> None:
    resting_bot.settings["stop_seconds"] = 1
    await resting_bot.starts()
    begun = asyncio.Event()

    async def late() -> None:
        begun.set()
        await forever()

    once = resting_bot.service._replica.once
    handled = asyncio.get_running_loop().create_task(once.handle(NUMBER, late))
    await begun.wait()
    await resting_bot.stops()
    async with asyncio.timeout(5):
        assert not await handled


async def test_one_handling_may_write_more_than_once(database: Database) -> None:
    effect = Effect(database)
    assert await process(database).handle(NUMBER, effect.then(effect.happens))
    assert await effect.count() == 2


async def test_many_at_once_are_all_written(database: Database) -> None:
    one, numbers = process(database), range(NUMBER, NUMBER + 60)
    effect = Effect(database)
    assert all(await asyncio.gather(*(one.handle(number, effect.happens) for number in numbers)))
    after = process(database)
    assert all(await asyncio.gather(*(after.handle(number, forever) for number in numbers)))


async def test_what_memory_forgot_the_database_knows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_dedup, "REMEMBERED", 2)
    effect, one = Effect(database), process(database)
    for number in (1, 2, 3, 4, 5, 1, 2):
        assert await one.handle(number, effect.happens)
    assert effect.begun == 5


async def test_numbers_are_forgotten_after_two_days(database: Database) -> None:
    now = datetime.now(UTC)
    await database.write(lambda tx: tx.processed_updates.mark([1], now - timedelta(hours=49)))
    await database.write(lambda tx: tx.processed_updates.mark([2], now - timedelta(hours=47)))
    await database.write(lambda tx: tx.processed_updates.prune(now - update_dedup.KEPT))
    kept = [await database.read(partial(seen, number=number)) for number in (1, 2)]
    assert kept == [False, True]


async def seen(tx: Transaction, number: int) -> bool:
    return await tx.processed_updates.seen(number)


@pytest.mark.both_databases
async def test_what_was_asked_for_is_kept_by_telegram_until_it_is_answered(
    telegram: FakeTelegram, bot: WholeBot
) -> None:
    """It is not confirmed as a duplicate: if the other process dies it would be lost."""
    for method in ("sendMessage", "sendRichMessage"):
        telegram.answers(method, Delay(1.0))
    telegram.user_says("/help")
    await bot.until(lambda: _sent(telegram))
    assert len(telegram.world.updates) == 1
    await telegram.message()
    assert len(telegram.messages(READER)) == 1


async def _sent(telegram: FakeTelegram) -> bool:
    return bool(telegram.calls("sendMessage") or telegram.calls("sendRichMessage"))


@pytest.mark.both_databases
async def test_what_telegram_gives_again_after_a_restart_is_not_answered_again(
    telegram: FakeTelegram, bot: WholeBot
) -> None:
    telegram.user_says("/subscribe all")
    given = list(telegram.world.updates)
    await telegram.message()
    await bot.says("/unsubscribe")
    await bot.stops()
    telegram.world.updates[:] = given
    await bot.starts()
    await bot.says("/about")
    assert len(telegram.messages(READER)) == 3
    to = await bot.standing(READER)
    assert to is not None
    assert await bot.database.read(lambda tx: tx.destinations.subscriptions(to.id)) == []


CHANGE = {"message": {"chat": {"id": 1}, "from": {"id": 2}}}


def timers() -> int:
    loop: Any = asyncio.get_running_loop()
    return sum(not each.cancelled() for each in loop._scheduled)


async def test_an_order_of_changes_keeps_nothing_of_what_has_ended() -> None:
    order = ChangeOrder()
    before = timers()
    for changes, meanwhile in ((False, 0), (True, 1)):
        async with order.turn(CHANGE, changes=changes):
            assert timers() == before + meanwhile
    assert timers() == before
    assert not order._effects
