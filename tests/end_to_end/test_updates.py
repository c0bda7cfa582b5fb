"""Updates of people and chats in their order, across kills, migrations and floods."""

import asyncio
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.chat.commands import HANDLERS, asker_of, may_change
from bot.chat.context import Handler, Reply
from bot.update_receiver import QUESTIONS_KEY
from storage.database import Transaction
from storage.model import DestinationId, Standing, Subscription
from tests.cli.program import environment
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import delay, error
from tests.tools.dumps import OLD
from tests.tools.programs import started

GROUP, SUPERGROUP = -7, -1000000000007


@pytest.mark.both_databases
async def test_changes_by_one_person_take_effect_in_their_order(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    """They waited while the bot was away, so that one answer of getUpdates holds them all."""
    await resting_bot.knows(OLD)
    people = range(1, 21)
    for person in people:
        for typed in ("/subscribe all", "/settings hour 7", "/settings hour 9", "/unsubscribe all"):
            telegram.user_says(typed, user_id=person)
    await resting_bot.starts()
    for person in people:
        for _ in range(4):
            await telegram.message(person)
        found = await resting_bot.standing(person)
        assert found is not None
        known = await resting_bot.database.read(partial(subscriptions, to=found.id))
        assert (found.preferences.hour, known) == (9, []), [m.text for m in telegram.messages(person)]


async def subscriptions(tx: Transaction, to: DestinationId) -> list[Subscription]:
    return await tx.destinations.subscriptions(to)


@pytest.mark.both_databases
async def test_a_chat_that_blocks_and_returns_at_once_is_active(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    await resting_bot.knows(OLD)
    await resting_bot.starts()
    chats = range(1, 31)
    for chat_id in chats:
        await resting_bot.subscribes(chat_id)
    for chat_id in chats:
        telegram.membership(chat_id, "member", "kicked")
        telegram.membership(chat_id, "kicked", "member")
    for chat_id in chats:
        await telegram.message(chat_id)
        found = await resting_bot.standing(chat_id)
        assert found is not None
        assert found.standing is Standing.ACTIVE, chat_id


async def test_plain_text_that_changes_something_is_not_dropped_from_a_backlog(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    await resting_bot.knows(OLD)
    telegram.user_says("订阅 全部", date=1)
    for number in range(120):
        telegram.user_says("/latest", user_id=READER if number < 5 else number, date=1)
    await resting_bot.starts()

    async def subscribed() -> bool:
        found = await resting_bot.standing(READER)
        return found is not None

    await resting_bot.until(subscribed, 20)


@pytest.mark.both_databases
async def test_a_kill_loses_no_question_of_a_backlog(
    resting_bot: WholeBot, telegram: FakeTelegram, tmp_path: Path
) -> None:
    """Telegram has given all of them up; the next process answers them, and keeps none."""
    await resting_bot.knows(OLD)
    people, an_hour_ago = range(1000, 1150), int(time.time()) - 3600
    for person in people:
        telegram.user_says("/help", user_id=person, date=an_hour_ago)
    for method in ("sendMessage", "sendRichMessage"):
        telegram.answers(method, delay(60), always=True)
    settings = {
        "BOT_TOKEN": telegram.token,
        "BOT_API_URL": telegram.server,
        "DATABASE_URL": resting_bot.url,
        "RATE_PER_SECOND": "0",
    }
    program = started(
        "run", folder=tmp_path, environment=environment(tmp_path, **settings), log=tmp_path / "log"
    )
    assert await telegram.world.until(lambda: bool(telegram.messages()) and not telegram.world.updates, 30)
    program.send_signal(signal.SIGKILL)
    await asyncio.to_thread(program.wait, 10)
    assert len(telegram.messages()) < len(people)
    telegram.recovers()
    await resting_bot.starts()
    for person in people:
        await telegram.message(person)

    async def forgotten() -> bool:
        key = f"{QUESTIONS_KEY}0"
        return await resting_bot.database.read(lambda tx: tx.key_values.get(key)) is None

    await resting_bot.until(forgotten)


@pytest.mark.parametrize("joined_first", [True, False])
async def test_a_group_that_becomes_a_supergroup_is_neither_greeted_nor_left(
    resting_bot: WholeBot, telegram: FakeTelegram, joined_first: bool
) -> None:
    """Telegram tells that the bot joined the supergroup (telegram-bot-api#266); no person has added it."""
    resting_bot.settings["groups_for"] = "operators"
    await resting_bot.knows(OLD)
    await resting_bot.starts()
    await resting_bot.subscribes(GROUP)
    telegram.opens(SUPERGROUP, "supergroup")
    if joined_first:
        telegram.membership(SUPERGROUP, "left", "member")
        telegram.chat_migrates(GROUP, SUPERGROUP)
    else:
        telegram.chat_migrates(GROUP, SUPERGROUP)
        telegram.membership(SUPERGROUP, "left", "member")

    async def moved() -> bool:
        return await resting_bot.standing(SUPERGROUP) is not None

    await resting_bot.until(moved)
    await telegram.quiet(1.5)
    assert telegram.messages() == []
    assert telegram.member(SUPERGROUP) == "member"


async def test_an_answer_to_a_group_that_has_just_become_a_supergroup_arrives_there(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.opens(GROUP, "group")
    telegram.chat_migrates(GROUP, SUPERGROUP, silently=True)
    telegram.user_says("/latest@kexue_test_bot", chat_id=GROUP)
    assert (await telegram.message(SUPERGROUP)).text


async def test_a_bot_that_is_restricted_and_left_is_out(library: WholeBot, telegram: FakeTelegram) -> None:
    """A restricted member keeps that status after leaving; Bot API, ChatMemberRestricted.is_member."""
    await library.subscribes(SUPERGROUP)
    telegram.membership(SUPERGROUP, "restricted", "restricted")
    member = telegram.world.updates[-1]["my_chat_member"]["new_chat_member"]
    member |= {"is_member": False, "can_send_messages": True}

    async def gone() -> bool:
        found = await library.standing(SUPERGROUP)
        return found is not None and found.standing is Standing.GONE

    await library.until(gone)


def anonymous(telegram: FakeTelegram, chat_id: int) -> dict[str, Any]:
    """The fields of a message by an anonymous administrator; all of them have one account."""
    account = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    return {"chat_id": chat_id, "from": account, "sender_chat": telegram.opens(chat_id).json()}


async def test_anonymous_administrators_of_one_group_use_up_no_limit_of_other_groups(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    for number in range(80):
        telegram.user_says(f"/about@kexue_test_bot {number}", **anonymous(telegram, GROUP))
    await telegram.message(GROUP)
    await telegram.quiet(0.5)
    assert len(telegram.messages(GROUP)) <= 25, "as many as Telegram lets through"
    telegram.user_says("/subscribe@kexue_test_bot", **anonymous(telegram, SUPERGROUP))
    assert "管理员" not in (await telegram.message(SUPERGROUP)).text


async def test_a_flood_of_inline_queries_is_not_answered(library: WholeBot, telegram: FakeTelegram) -> None:
    for number in range(300):
        telegram.asks_inline(f"attention {number}", user_id=66)
    await telegram.inline_answer(telegram.asks_inline("attention", user_id=67))
    await telegram.quiet(0.5)
    answered = sum(answer is not None for answer in telegram.world.asked.values())
    assert answered <= 80


async def test_a_file_that_was_not_sent_is_not_called_sent(library: WholeBot, telegram: FakeTelegram) -> None:
    await library.subscribes()
    refused = error(400, "Bad Request: not enough rights to send documents to the chat")
    telegram.answers("sendDocument", refused, always=True)
    assert "出了点问题" in (await library.says("/export")).text


async def test_an_error_in_a_topic_is_answered_there(
    library: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Reply:
        raise ValueError("broken")

    monkeypatch.setitem(HANDLERS, "latest", Handler(fails, transaction=False))
    telegram.opens(SUPERGROUP, "supergroup")
    telegram.user_says("/latest@kexue_test_bot", chat_id=SUPERGROUP, thread_id=5)
    assert (await telegram.message(SUPERGROUP)).thread_id == 5


@pytest.mark.parametrize(
    ("text", "kind", "asks", "changes"),
    [
        ("/latest", "group", True, False),
        ("/latest@kexue_test_bot 3", "group", True, False),
        ("/latest@another_bot", "group", False, True),
        ("/subscribe all", "private", False, True),
        ("RoPE", "private", True, False),
        ("RoPE", "group", False, True),
        ("帮助", "private", True, False),
        ("订阅 RoPE", "private", False, True),
        ("/", "private", False, True),
    ],
)
def test_which_messages_are_questions(text: str, kind: str, asks: bool, changes: bool) -> None:
    update = {"message": {"text": text, "from": {"id": READER}, "chat": {"id": -1, "type": kind}}}
    assert asker_of(update, "kexue_test_bot") == (READER if asks else None)
    assert may_change(update, "kexue_test_bot") is changes


@pytest.mark.parametrize(
    ("data", "changes"), [("1p:1", False), ("1l:2", False), ("1b:1", True), ("1f:1", True), ("?", True)]
)
def test_which_buttons_change_something(data: str, changes: bool) -> None:
    assert may_change({"callback_query": {"data": data}}, None) is changes
