"""What every answer needs at hand: the memory, the search index, the clock, the bot's own name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.archive.shelf import Shelf
from bot.chat.asker import Answer
from bot.chat.rooms import NoRooms, Rooms
from bot.clock import Clock
from bot.delivery.keeping import Kept
from bot.once import stamped
from storage.database import Database, Unit

T = TypeVar("T")

KEPT = 512  # answers about the archive, which many ask for
FRESH_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Desk:
    """Made once by the service and passed down. `bot` is its username, known after the first getMe."""

    database: Database
    clock: Clock
    bot: str | None = None
    admins: tuple[int, ...] = ()
    hold_above: int = 50
    shelf: Shelf = field(default_factory=Shelf)
    kept: Kept[Answer] = field(default_factory=lambda: Kept(most=KEPT, fresh=FRESH_SECONDS))
    rooms: Rooms = field(default_factory=NoRooms)
    planned: Callable[[], None] = lambda: None  # called when a duty was planned, to wake the sender
    trouble: Callable[[str, BaseException], None] = lambda _place, _error: None  # an error nobody expected

    async def change(self, unit: Unit[T]) -> T:
        """Run the unit that is what an update is about, once for each update."""
        return await self.database.transact(stamped(unit))
