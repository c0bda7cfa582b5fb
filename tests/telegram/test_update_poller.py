"""Asking for updates: one after the other, only while it is one's turn, and each handed on once."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from telegram import Bot

from bot.telegram import update_poller
from bot.telegram.http_request import AiohttpRequest
from bot.telegram.update_poller import AT_ONCE, AskerOf, RawUpdate, UpdatePoller, backlog_order
from bot.update_receiver import QUESTIONS_KEY, UPDATES, StoredQuestions, WebhookRegistrar, secret_of
from storage.clock import SystemClock
from storage.database import Database
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import Raw, error
from tests.telegram.conftest import bot_over


@dataclass
class Turn:
    """Whose turn it is, and what was handed on."""

    mine: bool = True
    numbers: list[int] = field(default_factory=list)
    reports: list[Exception] = field(default_factory=list)
    handles: bool = True

    def may(self) -> bool:
        return self.mine

    async def hand_on(self, update: RawUpdate) -> bool:
        self.numbers.append(update["update_id"])
        return self.handles


@dataclass
class Slow(Turn):
    """Hold the first update until `go_on`."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def hand_on(self, update: RawUpdate) -> bool:
        self.numbers.append(update["update_id"])
        if update["message"]["text"] != "quick":
            await self.go_on.wait()
        return True


@dataclass
class Kept:
    """The questions of a backlog, as a database keeps them."""

    questions: list[RawUpdate] = field(default_factory=list)

    async def load(self) -> list[RawUpdate]:
        return list(self.questions)

    async def add(self, questions: Collection[RawUpdate]) -> None:
        self.questions += questions

    async def clear(self) -> None:
        self.questions.clear()


@asynccontextmanager
async def polled(
    telegram: FakeTelegram, turn: Turn, asker_of: AskerOf = lambda _: None, kept: Kept | None = None
) -> AsyncIterator[None]:
    wires = [AiohttpRequest(connections=2, read_timeout=5) for _ in range(2)]
    async with Bot(telegram.token, telegram.url, request=wires[0], get_updates_request=wires[1]) as bot:
        asking = UpdatePoller(
            bot,
            wires[1],
            turn.may,
            turn.hand_on,
            questions=kept or Kept(),
            wanted=UPDATES,
            held_open=1,
            report=turn.reports.append,
            asker_of=asker_of,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(asking.run())
            yield
            asking.stop()


async def until(holds: object) -> None:
    async with asyncio.timeout(20):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_each_update_is_handed_on_once_and_confirmed(telegram: FakeTelegram) -> None:
    turn = Turn()
    async with polled(telegram, turn):
        for text in ("one", "two"):
            telegram.user_says(text)
        await until(lambda: len(turn.numbers) == 2)
        telegram.user_says("three")
        await until(lambda: len(turn.numbers) == 3)
    assert turn.numbers == sorted(set(turn.numbers))
    assert telegram.world.updates == [], "the last one was confirmed at the end"


async def test_what_is_not_done_is_kept_at_telegram_and_nobody_waits_for_it(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_poller, "ASIDE_SECONDS", 0.02)
    turn = Slow()
    async with polled(telegram, turn):
        telegram.user_says("slow")
        await until(lambda: turn.numbers)
        telegram.user_says("quick")
        await until(lambda: len(turn.numbers) == 2)
        await asyncio.sleep(0.1)
        assert [update["update_id"] for update in telegram.world.updates] == turn.numbers
        turn.go_on.set()
        await until(lambda: not telegram.world.updates)
    assert len(turn.numbers) == len(set(turn.numbers)) == 2


async def test_what_a_stop_leaves_unhandled_is_kept_at_telegram(telegram: FakeTelegram) -> None:
    turn = Turn(handles=False)
    async with polled(telegram, turn):
        telegram.user_says("late")
        await until(lambda: turn.numbers)
    assert [update["update_id"] for update in telegram.world.updates] == turn.numbers


async def test_what_takes_long_is_not_kept_for_ever(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_poller, "ASIDE_SECONDS", 0.02)
    monkeypatch.setattr(update_poller, "HANDLING_SECONDS", 0.1)
    turn = Slow()
    async with polled(telegram, turn):
        telegram.user_says("slow")
        await until(lambda: turn.numbers)
        await until(lambda: not telegram.world.updates)
        turn.go_on.set()


async def test_who_writes_a_hundred_times_holds_nobody_up(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one answer of Telegram's holds, and none of it done."""
    monkeypatch.setattr(update_poller, "ASIDE_SECONDS", 0.02)
    turn = Slow()
    for number in range(update_poller.MOST + 5):
        telegram.user_says(str(number))
    async with polled(telegram, turn):
        await until(lambda: len(turn.numbers) == update_poller.MOST + 5)
        turn.go_on.set()
    assert len(set(turn.numbers)) == update_poller.MOST + 5
    assert telegram.world.updates == []


async def test_who_may_not_asks_nothing(telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_poller, "LOOK_SECONDS", 0.02)
    turn = Turn(mine=False)
    async with polled(telegram, turn):
        telegram.user_says("one")
        await asyncio.sleep(0.2)
        assert telegram.calls("getUpdates") == []
        turn.mine = True
        await until(lambda: turn.numbers)


async def test_what_comes_when_the_turn_is_over_is_left_to_the_next(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_poller, "LOOK_SECONDS", 0.02)
    turn, next_turn = Turn(), Turn()
    async with polled(telegram, turn):
        await until(lambda: telegram.calls("getUpdates"))
        turn.mine = False
        telegram.user_says("one")
        await asyncio.sleep(0.2)
    assert turn.numbers == []
    async with polled(telegram, next_turn):
        await until(lambda: next_turn.numbers)


async def test_another_that_asks_too_is_met_with_patience_and_said_once(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(update_poller, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(update_poller, "LONGEST_PAUSE", 0.02)
    turn = Turn()
    with caplog.at_level(logging.INFO, logger="bot.telegram.update_poller"):
        async with polled(telegram, turn):
            for _ in range(8):
                before = len(telegram.calls("getUpdates"))
                telegram.world.polls += 1  # another request comes in between
                telegram.world.changed()
                await until(lambda before=before: len(telegram.calls("getUpdates")) > before)
            telegram.user_says("one")
            await until(lambda: turn.numbers)
    assert len(caplog.messages) <= 1


async def test_a_webhook_that_somebody_took_away_is_set_again(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.update_receiver.CHECK_SECONDS", 0.1)
    monkeypatch.setattr("bot.update_receiver.LOOK_SECONDS", 0.1)
    url, turn = f"{telegram.server}/nowhere", Turn(mine=False)
    wire = AiohttpRequest(connections=1, read_timeout=5)

    def points() -> str | None:
        return telegram.world.webhook["url"] if telegram.world.webhook else None

    async with bot_over(wire, telegram.url, telegram.token) as bot:
        pointer = WebhookRegistrar(bot, turn.may, url, secret_of(telegram.token))
        async with asyncio.TaskGroup() as group:
            group.create_task(pointer.run())
            await asyncio.sleep(0.3)
            assert points() is None
            turn.mine = True
            for _ in range(2):
                await until(lambda: points() == url)
                await bot.delete_webhook()
            pointer.stop()


async def test_ids_that_restart_lower_are_taken_without_a_busy_loop(telegram: FakeTelegram) -> None:
    """Bot API, Update.update_id: after a week without updates the next id is chosen at random."""
    turn = Turn()
    async with polled(telegram, turn):
        telegram.world.restart_ids(700_000_000)
        telegram.user_says("before")
        await until(lambda: len(turn.numbers) == 1)
        telegram.world.restart_ids(100_000_000)
        telegram.user_says("through the open poll")
        await until(lambda: len(turn.numbers) == 2)
        telegram.user_says("after")
        await until(lambda: len(turn.numbers) == 3)
        polls = len(telegram.calls("getUpdates"))
        await asyncio.sleep(1.0)
        assert len(telegram.calls("getUpdates")) - polls <= 4
    before, *after = turn.numbers
    assert before > after[-1] > after[0]


async def test_a_server_that_answers_at_once_is_asked_once_a_second(telegram: FakeTelegram) -> None:
    telegram.answers("getUpdates", Raw(200, b'{"ok":true,"result":[]}', recorded=False), always=True)
    async with polled(telegram, Turn()):
        await asyncio.sleep(1.5)
    assert len(telegram.calls("getUpdates")) <= 4


async def test_a_webhook_set_by_another_program_is_reported_once_and_deleted(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_poller, "FIRST_REMOVAL", 0.3)
    turn = Turn()
    async with polled(telegram, turn):
        await until(lambda: telegram.calls("getUpdates"))
        telegram.world.webhook = {"url": "https://example.org/hook"}
        telegram.world.polls += 1
        telegram.world.changed()
        await until(lambda: turn.reports)
        await until(lambda: telegram.world.webhook is None)
        telegram.user_says("again")
        await until(lambda: turn.numbers)
    assert [str(each) for each in turn.reports] == ["webhook set elsewhere"]


def test_the_secret_made_of_the_token_does_not_show_it() -> None:
    made = secret_of("123:abc")
    assert made == secret_of("123:abc") != secret_of("123:abd")
    assert "abc" not in made
    assert len(made) <= 256


def question(number: int, person: int) -> RawUpdate:
    return {"update_id": number, "message": {"from": {"id": person}, "date": 1, "text": "q"}}


def asker(update: RawUpdate) -> int | None:
    person: int | None = update["message"]["from"]["id"] if "message" in update else None
    return person


def test_the_newest_question_of_each_person_comes_first_and_old_ones_are_bounded() -> None:
    waiting = [question(1, 5), question(2, 5), question(3, 6), question(4, 5), question(5, 5)]
    assert backlog_order({each["update_id"]: each for each in waiting}, asker) == [5, 3, 4]


async def test_a_backlog_is_fetched_whole_and_the_newest_handed_on_first(telegram: FakeTelegram) -> None:
    """Telegram hands out what waited in hundreds, the oldest first."""
    for number in range(450):
        telegram.user_says("old", user_id=1 + number % 400, date=1)
    waiting = [update["update_id"] for update in telegram.world.updates]
    turn = Turn()
    async with polled(telegram, turn, asker_of=asker):
        await until(lambda: len(turn.numbers) > AT_ONCE)
        assert turn.numbers[:3] == waiting[:-4:-1]
        telegram.user_says("new")
        await until(lambda: telegram.world.tail in turn.numbers)
        assert len(turn.numbers) < 2 * AT_ONCE
    assert telegram.world.updates == []


@dataclass
class Lagging(Turn):
    """Handle each update a while; `lost` are those that are kept nowhere any more before."""

    telegram: FakeTelegram = field(default_factory=FakeTelegram)
    kept: Kept = field(default_factory=Kept)
    lost: list[int] = field(default_factory=list)

    async def hand_on(self, update: RawUpdate) -> bool:
        await asyncio.sleep(0.3)
        number = update["update_id"]
        self.numbers.append(number)
        if number not in [each["update_id"] for each in (*self.telegram.world.updates, *self.kept.questions)]:
            self.lost.append(number)
        return True


def asked(update: RawUpdate) -> int | None:
    return None if "subscribe" in str(update) else asker(update)


async def test_a_backlog_is_confirmed_after_its_changes_are_made_and_its_questions_stored(
    telegram: FakeTelegram,
) -> None:
    """A kill in between loses none of them."""
    for number in range(250):
        telegram.user_says("/subscribe" if number % 5 == 0 else "old", user_id=number + 1, date=1)
    turn = Lagging(telegram=telegram)
    async with polled(telegram, turn, asked, turn.kept):
        await until(lambda: len(turn.numbers) == 250)
        await until(lambda: not turn.kept.questions)
    assert turn.lost == []


async def test_a_backlog_that_was_fetched_in_part_is_answered(telegram: FakeTelegram) -> None:
    for number in range(150):
        telegram.user_says("old", user_id=number + 1, date=1)
    given = json.dumps({"ok": True, "result": telegram.world.updates[:100]}).encode()
    telegram.answers("getUpdates", Raw(200, given, recorded=False), error(500, "Internal Server Error"))
    turn = Turn()
    async with polled(telegram, turn, asker):
        await until(lambda: len(turn.numbers) == 150)


async def test_questions_left_over_are_answered(telegram: FakeTelegram) -> None:
    turn, kept = Turn(), Kept([question(1, 5), question(2, 6)])
    async with polled(telegram, turn, asker, kept):
        await until(lambda: sorted(turn.numbers) == [1, 2])
        await until(lambda: not kept.questions)


async def test_a_backlog_is_fetched_while_earlier_questions_are_answered(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_poller, "HANDLING_SECONDS", 60.0)
    turn, kept = Slow(), Kept([question(1, 5)])
    async with polled(telegram, turn, asker, kept):
        await until(lambda: turn.numbers)
        for number in range(150):
            telegram.user_says("quick", user_id=number + 1, date=1)
        await until(lambda: not telegram.world.updates)
        turn.go_on.set()
        await until(lambda: not kept.questions)


async def test_stored_questions_outlast_the_end_of_earlier_ones(database: Database) -> None:
    stored, now = StoredQuestions(database, SystemClock()), int(time.time())
    new = {"update_id": 2, "message": {"date": now}}
    await stored.add([{"update_id": 1, "message": {"date": now}}])
    await asyncio.gather(stored.clear(), stored.add([new]))
    assert await StoredQuestions(database, SystemClock()).load() == [new]
    await stored.clear()
    assert await StoredQuestions(database, SystemClock()).load() == []


async def test_questions_that_are_too_old_are_deleted(database: Database) -> None:
    await StoredQuestions(database, SystemClock()).add([{"update_id": 1, "message": {"date": 1}}])
    assert await StoredQuestions(database, SystemClock()).load() == []
    assert await database.read(lambda tx: tx.key_values.get(f"{QUESTIONS_KEY}0")) is None


@pytest.mark.parametrize("damaged", ['{"update_id": 1', "7", "[3, {}, []]", '"text"', '{"a": 1}'])
async def test_damaged_rows_of_questions_are_skipped(database: Database, damaged: str) -> None:
    stored = StoredQuestions(database, SystemClock())
    new = {"update_id": 2, "message": {"date": int(time.time())}}
    await stored.add([{"update_id": 1, "message": {"date": 1}}])
    await stored.add([new])
    await database.write(lambda tx: tx.key_values.put(f"{QUESTIONS_KEY}0", damaged))
    assert await StoredQuestions(database, SystemClock()).load() == [new]
