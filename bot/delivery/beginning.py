"""Writing down that a request begins, at the last moment before its first byte goes.

Whatever is killed before that has surely sent nothing, however long it waited for a connection.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.departing import Departure


@dataclass(frozen=True, slots=True)
class Beginning:
    """`begin` is called when `paced`, if it is, lets the request leave; what it raises keeps it back."""

    paced: Departure | None
    begin: Callable[[], None]

    async def leaves(self) -> None:
        if self.paced is not None:
            await self.paced.leaves()
        self.begin()

    def left(self) -> None:
        if self.paced is not None:
            self.paced.left()
