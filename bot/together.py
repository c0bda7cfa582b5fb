"""Questions to the database, and marks in it, that come at about the same time: done together.

Those who come while a look is under way, or very soon after one began, wait for the next: so a crowd costs
little, and nobody is ever told what was so before asking. Knows neither what is done nor where.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from bot.tasks import Nursery

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

AT_MOST = 200  # questions of one look
APART_SECONDS = 0.02  # between the beginnings of two looks


class Together(Generic[K, V]):
    """`look` answers many questions at once."""

    def __init__(self, look: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look = look
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._looks = Nursery()
        self._looking = False
        self._next_at = float("-inf")

    async def get(self, question: K) -> V:
        """The answer, as it is now or a little later. Raises what `look` raises."""
        answer = self._waiting.get(question)
        if answer is None:
            answer = self._waiting[question] = asyncio.get_running_loop().create_future()
        if not self._looking:
            self._looking = True
            self._looks.start(self._all())
        return await asyncio.shield(answer)  # others may wait for it too

    async def _all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(max(0.0, self._next_at - loop.time()))
                self._next_at = loop.time() + APART_SECONDS
                await self._some()
        finally:
            self._looking = False

    async def _some(self) -> None:
        asked = dict(islice(self._waiting.items(), AT_MOST))
        for question in asked:
            del self._waiting[question]
        try:
            answers = await self._look(asked)
        except BaseException as error:
            for answer in asked.values():
                answer.set_exception(error if isinstance(error, Exception) else RuntimeError("not finished"))
                answer.exception()  # whoever still waits hears of it; nobody else need be warned
            if not isinstance(error, Exception):
                raise
        else:
            for question, answer in asked.items():
                answer.set_result(answers[question])
