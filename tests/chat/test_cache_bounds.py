"""What is kept for many is bounded in number and in time, so that memory stays what it was."""

from bot.caching import SingleFlightCache


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
