"""One trouble stays its own: a malformed update, a refusing chat or topic, a fault of the server."""

import logging

import pytest

from storage.model import Standing
from tests.end_to_end.whole_bot import OPERATOR, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import NEXT

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
