"""Who asks together is answered together, and never with what was so before asking."""

import asyncio
from collections.abc import Collection, Mapping

from bot.caching import BatchLoader


class Table:
    """A value that changes, and how it was looked at."""

    def __init__(self) -> None:
        self.value = 0
        self.looks: list[set[int]] = []
        self.error: Exception | None = None

    async def look(self, asked: Collection[int]) -> Mapping[int, int]:
        self.looks.append(set(asked))
        seen = self.value
        await asyncio.sleep(0.005)
        if self.error is not None:
            raise self.error
        return dict.fromkeys(asked, seen)


async def test_a_crowd_is_answered_with_one_look() -> None:
    table = Table()
    together = BatchLoader(table.look)
    assert await asyncio.gather(*(together.get(number % 10) for number in range(50))) == [0] * 50
    assert table.looks == [set(range(10))]


async def test_who_asks_during_a_look_is_told_what_is_so_then() -> None:
    table = Table()
    together = BatchLoader(table.look)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(together.get(1))
        while not table.looks:
            await asyncio.sleep(0)
        table.value = 7
        assert await together.get(1) == 7
    assert first.result() == 0


async def test_an_error_reaches_all_who_asked_and_nobody_after_them() -> None:
    table = Table()
    together = BatchLoader(table.look)
    table.error = OSError("the disk")
    asked = await asyncio.gather(together.get(1), together.get(2), return_exceptions=True)
    assert [type(one) for one in asked] == [OSError, OSError]
    table.error = None
    assert await together.get(1) == 0


async def test_who_gives_up_takes_no_answer_from_others() -> None:
    table = Table()
    together = BatchLoader(table.look)
    async with asyncio.TaskGroup() as group:
        patient, impatient = (group.create_task(together.get(1)) for _ in range(2))
        while not table.looks:
            await asyncio.sleep(0)
        impatient.cancel()
    assert impatient.cancelled()
    assert patient.result() == 0
