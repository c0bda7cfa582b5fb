"""One trouble stays its own: a malformed update, a refusing chat or topic, a fault of the server."""

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from telegram import Bot

from bot.chat.replies import ReplySender
from bot.delivery import retry_policy, side_effects
from bot.delivery.messenger import Address, RichCapability, TelegramMessenger
from bot.ops.metrics import Metrics
from bot.rate_limit.in_process import RateLimiter
from bot.rate_limit.scheduler import Limits, SendScheduler
from bot.render.document import Message, Paragraph, Text
from bot.telegram.http_request import AiohttpRequest
from storage import UnusableDatabaseError
from storage.clock import SystemClock
from storage.database import Database, open_database
from storage.model import Sent, Standing, State
from tests.end_to_end.whole_bot import OPERATOR, READER, UNPACED, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import blocked, delay, error, flood, page
from tests.fakes.world import TOKEN
from tests.tools.databases import change
from tests.tools.dumps import NEXT, OLD, Shown

GROUP, CHANNEL = -7, -1000000000009
POISON = [
    pytest.param({"message": {"message_id": 1, "date": 1, "text": "my secret", "chat": 5}}, id="wrong kind"),
    pytest.param({"message": {"text": "my secret"}}, id="missing fields"),
    pytest.param({"callback_query": {"data": "my secret"}}, id="half a query"),
    pytest.param({"my_chat_member": {"chat": {"id": "my secret"}}}, id="membership"),
]


@pytest.mark.parametrize("poison", POISON)
async def test_a_malformed_update_is_skipped_and_reported_once(
    library: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, poison: dict[str, object]
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            telegram.world.updates.append({"update_id": telegram.world.number()} | poison)
        await library.says("/latest")
        notice = await telegram.message(OPERATOR)
    assert "UnreadableUpdateError" in notice.text
    assert "my secret" not in caplog.text + notice.text
    assert library.service.supervisor.alive("hearing")


@pytest.mark.parametrize(
    ("chat_id", "kind", "old", "new"),
    [
        (GROUP, "supergroup", "restricted", "member"),
        (GROUP, "supergroup", "member", "administrator"),
        (CHANNEL, "channel", "member", "administrator"),
    ],
)
async def test_rights_given_back_make_a_suspended_chat_active(
    knowing: WholeBot, telegram: FakeTelegram, chat_id: int, kind: str, old: str, new: str
) -> None:
    telegram.opens(chat_id, kind)
    await knowing.subscribes(chat_id)
    await knowing.database.write(lambda tx: tx.destinations.gone(chat_id, "not enough rights"))
    telegram.membership(chat_id, old, new, kind=kind)

    async def active() -> bool:
        found = await knowing.standing(chat_id)
        return found is not None and found.standing is Standing.ACTIVE

    await knowing.until(active)
    knowing.lands("next.txt", NEXT)
    assert NEXT.title in (await telegram.message(chat_id)).text


FORUM, A, B = -1000000000011, 3, 4
NOT_FOUND = error(400, "Bad Request: chat not found")
POSTS = [Shown(title=f"第{number}篇", day=date(2026, 11, number)) for number in range(1, 6)]


async def test_a_closed_general_topic_stops_no_other_topic(knowing: WholeBot, telegram: FakeTelegram) -> None:
    """Topic A is deleted meanwhile: its subscriptions go on in General, and B is not concerned."""
    for thread_id in (None, A, B):
        await knowing.subscribes(FORUM, thread_id=thread_id)
    telegram.opens(FORUM).topics[1] = "closed"
    for post in POSTS[:4]:
        knowing.lands(f"{post.title}.txt", post)
        await knowing.settles()
    telegram.opens(FORUM).topics[A] = "deleted"
    knowing.lands("last.txt", POSTS[4])
    await knowing.settles()
    heard = {
        thread: [post.text for post in telegram.messages(FORUM) if post.thread_id == thread]
        for thread in (A, B)
    }
    assert (len(heard[A]), len(heard[B])) == (4, 5)
    notices = "".join(message.text for message in telegram.messages(OPERATOR))
    assert "接连三次拒收" in notices
    assert f"#{A}" in notices
    telegram.opens(FORUM).topics[1] = "open"
    knowing.lands("open again.txt", NEXT)
    await knowing.settles()
    assert {post.thread_id for post in telegram.messages(FORUM)[-2:]} == {None, B}


async def test_the_notice_of_a_lost_topic_names_it(knowing: WholeBot, telegram: FakeTelegram) -> None:
    """Telegram attaches the message that created the topic to those written in it."""
    telegram.opens(FORUM)
    telegram.administrators[FORUM] = {READER}
    chat = telegram.opens(FORUM).json()
    first = {
        "message_id": A,
        "date": 1,
        "chat": chat,
        "forum_topic_created": {"name": "论文", "icon_color": 1},
    }
    await knowing.says("/subscribe all", chat_id=FORUM, thread_id=A, reply_to_message=first)
    telegram.opens(FORUM).topics[A] = "deleted"
    knowing.lands("next.txt", NEXT)
    notice = await telegram.message(OPERATOR)
    assert "› 论文" in notice.text
    assert "综合" in notice.text
    await knowing.settles()
    assert [message.thread_id for message in telegram.messages(FORUM) if NEXT.title in message.text] == [None]


async def test_a_server_that_lost_its_chats_loses_no_subscriber(
    knowing: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "FIRST_CHAT_WAIT", 1.0)
    chats = range(1, 9)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
        telegram.answers("sendMessage", NOT_FOUND, NOT_FOUND, NOT_FOUND, chat_id=chat_id)
    knowing.lands("next.txt", NEXT)
    for chat_id in chats:
        assert NEXT.title in (await telegram.message(chat_id)).text
    assert "个会话停发了" not in "".join(message.text for message in telegram.messages(OPERATOR))
    assert "服务器" in (await telegram.message(OPERATOR)).text
    for chat_id in chats:
        found = await knowing.standing(chat_id)
        assert found is not None
        assert found.standing is Standing.ACTIVE
    await telegram.world.until(lambda: len(telegram.messages(OPERATOR)) > 1, 20)
    refused, recovered = telegram.messages(OPERATOR)
    assert "又通了" in recovered.text
    assert "服务器" in refused.text
    assert "8 个会话里有 8 个" in refused.text, "counted when it is told"
    assert "8 个发不进去的会话又通了" in recovered.text


FIRST_IS_DUE = (
    "UPDATE deliveries SET due_at = 0"
    " WHERE id = (SELECT min(id) FROM deliveries WHERE state = 'pending' AND kind = 'post')"
)


async def test_one_arrival_hastens_the_retries_of_a_refused_fan_out(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    """Across a restart: after a long fault the others would wait for up to an hour."""
    for chat_id in range(1, 9):
        await knowing.subscribes(chat_id)
        telegram.answers("sendMessage", NOT_FOUND, chat_id=chat_id)
    knowing.lands("next.txt", NEXT)
    assert "8 个会话里有 8 个" in (await telegram.message(OPERATOR)).text
    await knowing.restarts()
    await asyncio.to_thread(change, knowing.url, FIRST_IS_DUE)
    assert await telegram.world.until(lambda: len(telegram.messages(OPERATOR)) > 1, 20)
    assert "8 个发不进去的会话又通了" in telegram.messages(OPERATOR)[-1].text
    assert all(telegram.messages(chat_id) for chat_id in range(1, 9))


async def test_a_conflict_is_reported_once_and_its_end_too(library: WholeBot, telegram: FakeTelegram) -> None:
    """Another program sets a webhook while this one polls; it is removed after a pause."""
    telegram.world.webhook = {"url": "https://example.org/other"}
    telegram.answers(
        "getUpdates",
        error(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook"),
    )
    assert "webhook" in (await telegram.message(OPERATOR)).text
    await telegram.world.until(lambda: len(telegram.messages(OPERATOR)) > 1, 20)
    assert "又收得到" in telegram.messages(OPERATOR)[-1].text
    await library.says("/latest")
    assert len(telegram.messages(OPERATOR)) == 2


async def test_a_silent_database_is_reported_once_with_a_count(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    for _ in range(3):
        knowing.database.silences += 1
        knowing.service._tick()
    notice = await telegram.message(OPERATOR)
    assert "3 次" in notice.text
    await telegram.quiet(0.5)
    assert len(telegram.messages(OPERATOR)) == 1


async def test_the_status_lists_suspensions_and_what_did_not_arrive(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    for chat_id in range(1, 10):
        await knowing.subscribes(chat_id)
    telegram.answers("sendMessage", blocked(), chat_id=1)
    telegram.answers("sendMessage", error(400, "Bad Request: message is too long"), chat_id=2, always=True)
    knowing.lands("next.txt", NEXT)
    await knowing.settles()
    status = await knowing.says("/status", user_id=OPERATOR)
    while "运行状况" not in status.text:
        status = await telegram.message(OPERATOR)
    assert "1 个：被对方停用了" in status.text
    assert "2 条发送失败。发 /retry 再发一次。" in status.text


async def test_chats_that_are_all_gone_at_once_are_kept(
    knowing: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_effects, "FIRST_CHAT_WAIT", 0.5)
    chats = range(1, 9)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
        telegram.answers(
            "sendMessage", error(403, "Forbidden: bot was kicked from the group chat"), chat_id=chat_id
        )
    knowing.lands("next.txt", NEXT)
    for chat_id in chats:
        assert NEXT.title in (await telegram.message(chat_id)).text
    await knowing.settles()
    for chat_id in chats:
        found = await knowing.standing(chat_id)
        assert found is not None
        assert found.standing is Standing.ACTIVE


async def test_an_arrival_makes_a_suspended_chat_active(knowing: WholeBot, telegram: FakeTelegram) -> None:
    await knowing.subscribes(5)
    telegram.answers("sendMessage", blocked(), chat_id=5)
    knowing.lands("next.txt", NEXT)
    await knowing.settles()
    gone = await knowing.standing(5)
    assert gone is not None
    assert gone.standing is Standing.GONE
    telegram.user_says("/retry", user_id=OPERATOR)
    assert NEXT.title in (await telegram.message(5)).text
    await knowing.settles()
    back = await knowing.standing(5)
    assert back is not None
    assert back.standing is Standing.ACTIVE


async def test_suspended_chats_are_reported_in_one_summary(
    knowing: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_effects, "SUMMARY_AFTER", timedelta(seconds=0.5))
    for chat_id in range(1, 13):
        await knowing.subscribes(chat_id)
    for chat_id in (3, 7):
        telegram.answers("sendMessage", blocked(), chat_id=chat_id)
    knowing.lands("next.txt", NEXT)
    await knowing.settles()
    notice = await telegram.message(OPERATOR)
    assert "2 个会话停发了" in notice.text
    assert "2 个：被对方停用了" in notice.text
    assert len(telegram.messages(OPERATOR)) == 1


SOON = 5.0  # seconds by which a fault elsewhere may delay a healthy chat


async def post_reaches(
    bot: WholeBot, telegram: FakeTelegram, chats: Iterable[int], post: Shown, within: float
) -> None:
    """Land a post and check that each of these chats has it in time."""
    async with asyncio.timeout(within):
        bot.lands(f"{post.title}.txt", post)
        for chat_id in chats:
            while not any(post.title in message.text for message in telegram.messages(chat_id)):
                await asyncio.sleep(0.05)


async def test_two_chats_with_a_flood_of_their_own_delay_no_other(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    chats = range(1, 9)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
    for chat_id in (1, 2):
        telegram.answers("sendMessage", flood(3600), chat_id=chat_id, always=True)
    await post_reaches(knowing, telegram, range(3, 9), POSTS[0], SOON)
    async with asyncio.timeout(SOON):
        await knowing.says("/latest", user_id=50)


async def test_hanging_chats_delay_no_other(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    """Their requests are never answered; the next post still reaches the rest at once."""
    resting_bot.settings["read_seconds"] = 2
    await resting_bot.knows(OLD)
    await resting_bot.starts()
    chats, hanging = range(1, 38), range(1, 6)
    for chat_id in chats:
        await resting_bot.subscribes(chat_id)
    for chat_id in hanging:
        telegram.answers("sendMessage", delay(60), chat_id=chat_id, always=True)
    healthy = set(chats) - set(hanging)
    await post_reaches(resting_bot, telegram, healthy, POSTS[0], SOON)
    await asyncio.sleep(2.5)  # the hanging requests time out
    for post in POSTS[1:3]:
        await post_reaches(resting_bot, telegram, healthy, post, SOON)


async def test_an_outage_uses_no_delivery_up(knowing: WholeBot, telegram: FakeTelegram) -> None:
    """Pages of a gateway for every request, then a restart within it."""
    chats = range(1, 9)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
    telegram.answers("*", page(502), always=True)
    knowing.lands("next.txt", NEXT)
    await asyncio.sleep(4)
    assert State.UNCERTAIN not in await knowing.counts()
    telegram.recovers()
    for chat_id in chats:
        async with asyncio.timeout(10):
            assert NEXT.title in (await telegram.message(chat_id)).text
    await knowing.settles()
    assert await knowing.counts() == {State.SENT: 8}


async def test_a_firewall_page_for_one_chat_delays_no_other(
    knowing: WholeBot, telegram: FakeTelegram
) -> None:
    for chat_id in range(1, 5):
        await knowing.subscribes(chat_id)
    telegram.answers("sendMessage", page(403, "<html>Forbidden</html>"), chat_id=1, always=True)
    await post_reaches(knowing, telegram, (2, 3, 4), POSTS[0], SOON)
    await post_reaches(knowing, telegram, (2, 3, 4), POSTS[1], SOON)


async def test_an_answer_that_surely_did_not_leave_is_sent_again(database: Database) -> None:
    """The server is away for a moment after it handed over a command."""
    clock = SystemClock()
    limiter = RateLimiter(database, SendScheduler(UNPACED), clock, Metrics(CollectorRegistry(), version=""))
    async with FakeTelegram() as first:
        port = int(first.server.rpartition(":")[2])
    request = AiohttpRequest(connections=2, read_timeout=5)
    async with request:
        client = Bot(TOKEN, f"http://127.0.0.1:{port}/bot", request=request)
        sender = ReplySender(
            TelegramMessenger(client), limiter, clock, rich=RichCapability(clock, wanted=False)
        )
        hello = Message(body=(Paragraph((Text("hello"),)),))
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(sender.send(Address(chat_id=READER), hello))
            await asyncio.sleep(1.0)
            async with FakeTelegram(port=port) as telegram:
                assert isinstance(await sending, Sent)
        assert [message.text for message in telegram.messages(READER)] == ["hello"]


async def test_a_button_says_that_its_answer_was_dropped(
    resting_bot: WholeBot, telegram: FakeTelegram
) -> None:
    """The group's limit is used up for longer than a person waits; a toast needs no slot."""
    resting_bot.limits = replace(UNPACED, group_per_minute=2)
    await resting_bot.knows(OLD)
    await resting_bot.starts()
    telegram.opens(GROUP, "supergroup")
    telegram.administrators[GROUP] = {READER}
    shown = await resting_bot.says("/subscribe", chat_id=GROUP)
    await resting_bot.says("/latest", chat_id=GROUP)
    toast = (await telegram.answer(telegram.presses(shown, "🔔")))["text"]
    assert "没发出来" in toast


async def test_a_backlog_keeps_no_new_question_waiting(resting_bot: WholeBot, telegram: FakeTelegram) -> None:
    """2,500 questions of an hour ago wait at the start, a new one behind them; at Telegram's own rate."""
    resting_bot.limits = Limits(per_second=30)
    await resting_bot.knows(OLD)
    for number in range(2500):
        telegram.user_says("/latest", user_id=1000 + number % 1000, date=1_700_000_000 + number)
    telegram.user_says("/latest", user_id=50)
    await resting_bot.starts()
    await telegram.message(50, timeout=SOON)
    await resting_bot.says("/latest", user_id=51)
    assert len(telegram.messages()) < 500


UNKNOWN = error(400, "Bad Request: member list is inaccessible")
DATABASE_URLS = ["sqlite:////data/kexue.db", "postgresql+asyncpg://host:port/name", "postgresql", ""]


async def test_an_administrator_that_cannot_be_looked_up_hears_why(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.opens(GROUP, "supergroup")
    telegram.answers("getChatMember", UNKNOWN, always=True)
    refusal = await library.says("/subscribe@kexue_test_bot", chat_id=GROUP)
    assert "查不到谁是这里的管理员" in refusal.text


async def test_a_server_older_than_6_9_shows_who_administers(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    user = {"id": READER, "is_bot": False, "first_name": "甲"}
    member = {"user": user, "status": "administrator", "can_be_edited": False, "can_manage_chat": True}
    body = json.dumps({"ok": True, "result": member})
    telegram.opens(GROUP, "supergroup")
    telegram.answers("getChatMember", page(200, body), always=True)
    reply = await library.says("/subscribe@kexue_test_bot", chat_id=GROUP)
    assert "管理员" not in reply.text


async def test_people_who_write_as_their_channel_are_answered(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    as_channel: dict[str, Any] = {
        "from": {"id": 136817688, "is_bot": True, "first_name": "Channel"},
        "sender_chat": {"id": CHANNEL, "type": "channel", "title": "频道"},
    }
    telegram.opens(GROUP, "supergroup")
    telegram.user_says("/latest@kexue_test_bot", chat_id=GROUP, is_automatic_forward=True, **as_channel)
    await telegram.quiet(0.5)
    assert telegram.messages(GROUP) == []
    await library.says("/latest@kexue_test_bot", chat_id=GROUP, **as_channel)


@pytest.mark.parametrize("url", DATABASE_URLS)
async def test_a_wrong_database_url_is_one_line_with_the_fix(url: str) -> None:
    with pytest.raises(UnusableDatabaseError) as unusable:
        await open_database(url)
    assert "sqlite+aiosqlite:///" in str(unusable.value)
    assert "\n" not in str(unusable.value)


async def test_a_chat_whose_answers_hang_takes_no_connection_from_others(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.answers("sendMessage", delay(20), chat_id=READER, always=True)
    for _ in range(50):
        telegram.user_says("/help")
    assert await telegram.world.until(lambda: bool(telegram.messages(READER)), 20)
    await asyncio.sleep(0.5)  # until the other questions are read
    telegram.user_says("/help", user_id=4711)
    assert "/series" in (await telegram.message(4711, timeout=5)).text
