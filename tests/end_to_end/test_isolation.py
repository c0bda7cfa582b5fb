"""One trouble stays its own: a malformed update, a refusing chat or topic, a fault of the server."""

import logging
from datetime import date, timedelta

import pytest

from bot.delivery import retry_policy, side_effects
from storage.model import Standing
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import blocked, error
from tests.tools.dumps import NEXT, Shown

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
    [(GROUP, "supergroup", "restricted", "member"), (CHANNEL, "channel", "member", "administrator")],
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


async def test_a_server_that_lost_its_chats_loses_no_subscriber(
    knowing: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "FIRST_CHAT_WAIT", 1.0)
    chats = range(1, 9)
    for chat_id in chats:
        await knowing.subscribes(chat_id)
        telegram.answers("sendMessage", NOT_FOUND, NOT_FOUND, chat_id=chat_id)
    knowing.lands("next.txt", NEXT)
    for chat_id in chats:
        assert NEXT.title in (await telegram.message(chat_id)).text
    assert "个会话" not in "".join(message.text for message in telegram.messages(OPERATOR))
    assert "服务器" in (await telegram.message(OPERATOR)).text
    for chat_id in chats:
        found = await knowing.standing(chat_id)
        assert found is not None
        assert found.standing is Standing.ACTIVE


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
    assert "bot was blocked by the user" in notice.text
    assert len(telegram.messages(OPERATOR)) == 1
