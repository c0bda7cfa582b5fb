"""The bot's membership in chats: added, blocked, removed, added again, and migrated groups."""

from storage.model import Standing
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

GROUP, SUPERGROUP, CHANNEL = -7, -1000000000007, -1000000000009
NEXT = Shown(title="一篇新来的文章")


async def _stands(bot: WholeBot, chat_id: int, standing: Standing) -> None:
    async def so() -> bool:
        found = await bot.standing(chat_id)
        return found is not None and found.standing is standing

    await bot.until(so)


async def _wishes(bot: WholeBot, chat_id: int) -> int:
    found = await bot.standing(chat_id)
    if found is None:
        return 0
    return len(await bot.database.read(lambda tx: tx.destinations.subscriptions(found.id)))


async def test_a_chat_that_blocked_the_bot_keeps_its_subscriptions_for_its_return(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes(READER)
    telegram.membership(READER, "member", "kicked")
    await _stands(library, READER, Standing.GONE)
    library.lands("one.txt", NEXT)
    await library.settles()
    assert telegram.messages(READER) == []
    telegram.membership(READER, "kicked", "member")
    assert "原来的 1 个订阅还在" in (await telegram.message()).text
    library.lands("two.txt", Shown(title="再一篇"))
    assert "再一篇" in (await telegram.message()).text


async def test_start_lets_a_gone_chat_return(library: WholeBot, telegram: FakeTelegram) -> None:
    """The news of the unblocking may have been lost while the bot was away."""
    await library.subscribes(READER)
    telegram.membership(READER, "member", "kicked")
    await _stands(library, READER, Standing.GONE)
    telegram.opens(READER).standing = "member"
    await library.says("/start")
    await _stands(library, READER, Standing.ACTIVE)
    assert await _wishes(library, READER) == 1


async def test_being_added_to_a_group_is_answered_with_one_line(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.membership(GROUP, "left", "member", kind="group")
    greeting = await telegram.message(GROUP)
    assert "/subscribe@kexue_test_bot" in greeting.text
    assert len(greeting.text.splitlines()) == 1


async def test_a_group_that_threw_the_bot_out_gets_its_subscriptions_back(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes(GROUP)
    telegram.membership(GROUP, "member", "kicked")
    await _stands(library, GROUP, Standing.GONE)
    assert await _wishes(library, GROUP) == 1
    telegram.membership(GROUP, "kicked", "member", language="en")
    assert "1" in (await telegram.message(GROUP)).text
    await _stands(library, GROUP, Standing.ACTIVE)


async def test_a_promotion_is_no_reason_to_speak(library: WholeBot, telegram: FakeTelegram) -> None:
    telegram.membership(GROUP, "member", "administrator", kind="group")
    telegram.membership(GROUP, "administrator", "restricted", kind="group")
    await library.says("/about")
    assert telegram.messages(GROUP) == []


async def test_being_added_to_a_channel_is_not_announced_there(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    telegram.membership(CHANNEL, "left", "administrator", kind="channel")
    await library.says("/about")
    assert telegram.messages(CHANNEL) == []


async def test_a_group_that_says_it_became_a_supergroup_is_followed(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes(GROUP)
    telegram.chat_migrates(GROUP, SUPERGROUP)
    await _stands(library, SUPERGROUP, Standing.ACTIVE)
    assert await library.standing(GROUP) is None
    assert await _wishes(library, SUPERGROUP) == 1
    library.lands("one.txt", NEXT)
    assert NEXT.title in (await telegram.message(SUPERGROUP)).text


async def test_a_supergroup_that_had_subscribed_already_is_not_told_twice(
    library: WholeBot, telegram: FakeTelegram
) -> None:
    await library.subscribes(GROUP)
    await library.subscribes(SUPERGROUP)
    telegram.chat_migrates(GROUP, SUPERGROUP, silently=True)
    library.lands("one.txt", NEXT)
    await telegram.message(SUPERGROUP)
    await library.settles()
    assert len(telegram.messages(SUPERGROUP)) == 1
    assert await library.standing(GROUP) is None
