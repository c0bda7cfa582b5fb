"""Every post, series and tag has a link into the bot, and one that points to nothing still helps on."""

import re

import pytest

from storage.model import ScopeKind
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

POSTS = (
    Shown(title="两步走(一):Attention的开头", excerpt="开头,为测试而写。"),
    Shown(title="两步走(二):Attention的结尾", excerpt="结尾,为测试而写。"),
)


@pytest.fixture
async def stocked(resting_bot: WholeBot) -> WholeBot:
    await resting_bot.knows(*POSTS)
    await resting_bot.starts()
    return resting_bot


def _payloads(links: list[str]) -> list[str]:
    return [found[1] for link in links if (found := re.fullmatch(r"https://t\.me/\w+\?start=(\w+)", link))]


async def test_the_lines_of_a_list_open_the_cards(stocked: WholeBot) -> None:
    listed = await stocked.says("/latest")
    payloads = _payloads(listed.links())
    assert len(payloads) == len(POSTS)
    titles = {(await stocked.says(f"/start {payload}")).text.splitlines()[1] for payload in payloads}
    assert titles == {post.title for post in POSTS}


async def test_a_card_leads_to_its_series(stocked: WholeBot) -> None:
    card = await stocked.says(f"/start p_{(await stocked.post('开头')).id}")
    (payload,) = _payloads(card.links())
    assert (await stocked.says(f"/start {payload}")).text.startswith("两步走 · 2 篇")


async def test_a_tag_has_a_link(stocked: WholeBot) -> None:
    (counted, *_) = await stocked.database.read(lambda tx: tx.scopes.counted(ScopeKind.TAG))
    assert counted.scope.name in (await stocked.says(f"/start s_{counted.scope.id}")).text


@pytest.mark.parametrize("payload", ["p_999999", "s_999999", "q_999999", "z_1", "p_", "什么", "p_1'--"])
async def test_a_link_to_nothing_helps_on(stocked: WholeBot, telegram: FakeTelegram, payload: str) -> None:
    said = await stocked.says(f"/start {payload}")
    assert "找不到了" in said.text
    assert said.keyboard
