"""What is kept for many is bounded in number and in time, so that memory stays what it was."""

from bot.caching import SingleFlightCache
from bot.chat.replies import KEPT, UNUSED_SECONDS, MessageCache
from bot.render.document import Message, Paragraph, Text


async def test_what_is_not_fresh_any_more_is_not_kept() -> None:
    kept = SingleFlightCache[int](max_size=100, ttl=60.0)
    made: list[int] = []

    async def ask(key: int, now: float) -> int:
        async def make() -> int:
            made.append(key)
            return key

        return await kept.get(key, now, make)

    for key in range(50):
        await ask(key, 0.0)
    await ask(0, 50.0)
    await ask(99, 61.0)
    assert len(kept._kept) == 1
    assert await ask(0, 61.0) == 0
    assert made == [*range(50), 99, 0]


async def test_at_most_so_many_are_kept() -> None:
    kept = SingleFlightCache[int](max_size=10, ttl=60.0)

    async def make() -> int:
        return 1

    for key in range(100):
        await kept.get(key, 0.0, make)
    assert list(kept._kept) == list(range(90, 100))


def test_a_message_is_worked_out_once_while_it_is_said() -> None:
    messages, worked = MessageCache[int](), list[str]()

    def said(text: str) -> Message:
        return Message(body=(Paragraph((Text(text),)),))

    def work(text: str) -> int:
        worked.append(text)
        return len(worked)

    often = said("often")
    for second in range(3 * int(UNUSED_SECONDS)):
        once = said("once")
        assert messages.get(often, None, float(second), lambda: work("often")) == 1
        messages.get(once, None, float(second), lambda: work("once"))
    assert worked.count("often") == 1
    assert len(messages._kept) <= UNUSED_SECONDS + 2
    for _ in range(2 * KEPT):
        messages.get(said("many"), None, 200.0, lambda: work("many"))
    assert len(messages._kept) == KEPT
