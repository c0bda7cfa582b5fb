"""A rate above the free one asks Telegram for a paid broadcast, and only such a rate does."""

import pytest

from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

OLD = Shown(title="让炼丹更科学一些(一):SGD的平均损失收敛")
NEXT = Shown(title="让炼丹更科学一些(二):将结论推广到无界域", excerpt="记$x^2$为平方。")


@pytest.mark.parametrize(
    ("rate", "paid"),
    [
        pytest.param(30, None, id="the free rate"),
        pytest.param(31, True, id="beyond it"),
        pytest.param(1000, True, id="the highest"),
        pytest.param(0, None, id="a server of one's own"),
    ],
)
async def test_what_is_beyond_the_free_rate_may_be_paid_for(
    resting_bot: WholeBot, telegram: FakeTelegram, rate: float, paid: bool | None
) -> None:
    bot = resting_bot
    bot.settings["rate_per_second"] = rate
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    bot.lands("next.txt", OLD, NEXT)
    await telegram.message()
    await bot.says("/latest")
    await bot.says("/export")
    sent = [call for call in telegram.calls() if call.method.startswith("send") and call.chat_id == READER]
    assert {call.method for call in sent} == {"sendRichMessage", "sendMessage", "sendDocument"}
    assert {call.params.get("allow_paid_broadcast") for call in sent} == {paid}
