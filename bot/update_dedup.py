"""Update deduplication and order: every update takes effect once, and those of one person in their order.

The update id is stored in the transaction of the update's effect (`once_per_update`), or after the handler if
it has none. An update whose process died before is handled by the next process that receives it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, TypeVar

from bot.caching import BatchLoader
from bot.supervisor import BackgroundTasks
from storage.clock import Clock
from storage.database import Database, Transaction, TransactionFn

log = logging.getLogger(__name__)

T = TypeVar("T")
_Mark = tuple[int, str]  # an update that was handled, and the token of the right to handle it

KEPT = timedelta(hours=48)  # Telegram gives an update up after 24
REMEMBERED = 10_000  # ids in memory; older ones are looked up
IN_ORDER = 10  # changes by one person in one chat that wait for each other
APART_SECONDS = 10.0  # after which a change without an effect so far holds up no other
SPAN = timedelta(seconds=30)  # how long an update belongs to the process that has begun with it


class DuplicateUpdateError(Exception):
    """The update has taken effect before, in this or another process."""


@dataclass(slots=True)
class _Handling:
    number: int
    began: datetime
    is_postponed: bool = False


@dataclass(frozen=True, slots=True)
class _Begun:
    """`before`: handled already. `token`: the right to handle it; None while another process has it."""

    before: bool = False
    token: str | None = ""


_AT_HAND: ContextVar[_Handling | None] = ContextVar("current update", default=None)


def once_per_update(unit: TransactionFn[T]) -> TransactionFn[T]:
    """Return `unit` as the effect of the current update; a second run raises DuplicateUpdateError."""
    handling = _AT_HAND.get()
    if handling is None:
        return unit

    async def both(tx: Transaction) -> T:
        if not await tx.processed_updates.stamp(handling.number, handling.began):
            raise DuplicateUpdateError(f"update {handling.number} was handled before")
        return await unit(tx)

    return both


def postpone_update() -> None:
    """Leave the current update to be delivered again: its answer cannot be sent for now."""
    handling = _AT_HAND.get()
    if handling is not None:
        handling.is_postponed = True


_EFFECT: ContextVar[asyncio.Event | None] = ContextVar("the effect of the update at hand", default=None)


def took_effect() -> None:
    """Let the next change of the same person start: that of the current update is committed."""
    effect = _EFFECT.get()
    if effect is not None:
        effect.set()


class ChangeOrder:
    """Order of updates: a person's changes in one chat take effect in the order in which they were sent.

    An update starts after the effect of the change before it, or after its end if it has no effect. Questions
    delay no other update, nor does a change for more than `APART_SECONDS`; a flood is not put in order.
    """

    def __init__(self) -> None:
        self._effects: dict[Hashable, list[asyncio.Event]] = {}

    @asynccontextmanager
    async def turn(self, update: Mapping[str, Any], *, changes: bool) -> AsyncIterator[None]:
        """Wait for the turn of `update` before the block; the order is that of the calls."""
        place = place_of(update)
        effects = self._effects.get(place, [])
        before = effects[-1] if 0 < len(effects) <= IN_ORDER else None
        if place is None or not changes:
            if before is not None:
                await before.wait()
            yield
            return
        effect, timer = asyncio.Event(), None
        self._effects.setdefault(place, effects).append(effect)
        try:
            if before is not None:
                await before.wait()
            timer = asyncio.get_running_loop().call_later(APART_SECONDS, effect.set)
            _EFFECT.set(effect)
            yield
        finally:
            effect.set()
            if timer is not None:
                timer.cancel()
            effects.remove(effect)
            if not effects:
                del self._effects[place]


def place_of(update: Mapping[str, Any]) -> Hashable | None:
    """Return the chat and the person whose changes are in order; for the bot's membership the chat."""
    match update:
        case {"message": {"chat": {"id": int(chat)}, "from": {"id": int(person)}}}:
            return chat, person
        case {"callback_query": {"message": {"chat": {"id": int(chat)}}, "from": {"id": int(person)}}}:
            return chat, person
        case {"my_chat_member": {"chat": {"id": int(chat)}}} | {"channel_post": {"chat": {"id": int(chat)}}}:
            return chat, chat
        case _:
            return None


class UpdateDeduplicator:
    """Runs the work of each update id once; one instance for a process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._owner = token_hex(8)
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._at_work: dict[int, asyncio.Future[bool]] = {}
        self._tasks = BackgroundTasks()
        self._known_to: int | None = None  # higher ids are in memory or were never handled
        self._marks = BatchLoader(self._write)

    async def handle(self, number: int, work: Callable[[], Awaitable[object]]) -> bool:
        """Run `work` unless this update was handled before; return whether it is handled now.

        False asks for the update to be delivered again: another process has started it, or it could not be
        started. The work continues if the caller is cancelled; concurrent calls for the same id wait for the
        same result.
        """
        if number in self._seen:
            return True
        result = self._at_work.get(number)
        if result is None:
            result = self._at_work[number] = asyncio.get_running_loop().create_future()
            self._tasks.start(self._settle(number, work, result))
        return await asyncio.shield(result)

    async def finished(self, seconds: float) -> None:
        """Wait up to `seconds` for all work to end."""
        if late := await self._tasks.wait(seconds):
            log.warning("%s updates were not answered in time", late)

    async def abandon(self) -> None:
        """Cancel all work; an update without an effect so far is left to be handled again."""
        await self._tasks.cancel()

    async def _settle(
        self, number: int, work: Callable[[], Awaitable[object]], result: asyncio.Future[bool]
    ) -> None:
        done = False
        try:
            done = await self._done(number, work)
        except Exception:
            log.exception("update %s could not be handled", number)
        finally:
            if done:
                self._remember(number)
            del self._at_work[number]
            if not result.done():
                result.set_result(done)

    async def _done(self, number: int, work: Callable[[], Awaitable[object]]) -> bool:
        began = self._clock.now()
        begun = await self._begin(number, began)
        if begun.before or begun.token is None:
            return begun.before
        handling = _Handling(number, began)
        _AT_HAND.set(handling)
        try:
            await work()
        except Exception:
            await self._leave(number, begun.token)
            raise
        if handling.is_postponed:
            await self._leave(number, begun.token)
            return False
        try:
            await self._marks.get((number, begun.token))
        except Exception as error:
            log.warning("update %s may be handled again after a restart: %r", number, error)
        return True

    async def _begin(self, number: int, now: datetime) -> _Begun:
        if not self._database.is_multi_process:
            if self._known_to is None:
                self._known_to = await self._database.read(lambda tx: tx.processed_updates.highest()) or 0
            if number > self._known_to:
                return _Begun()
            return _Begun(before=await self._database.read(lambda tx: tx.processed_updates.seen(number)))

        async def unit(tx: Transaction) -> _Begun:
            if await tx.processed_updates.seen(number):
                return _Begun(before=True)
            lease = await tx.leases.take(f"update {number}", self._owner, now, SPAN)
            return _Begun(token=lease.token if lease else None)

        return await self._database.write(unit, exclusive=False)

    async def _leave(self, number: int, token: str) -> None:
        if token:
            name = f"update {number}"
            await self._database.write(lambda tx: tx.leases.release(name, token), exclusive=False)

    async def _write(self, marks: Collection[_Mark]) -> Mapping[_Mark, None]:
        """Mark these updates as handled in one transaction."""

        async def unit(tx: Transaction) -> None:
            await tx.processed_updates.mark(sorted(number for number, _ in marks), self._clock.now())
            for number, token in sorted(marks):
                if token:
                    await tx.leases.release(f"update {number}", token)

        await self._database.write(unit, exclusive=False)
        return dict.fromkeys(marks)

    def _remember(self, number: int) -> None:
        self._seen[number] = None
        if len(self._seen) > REMEMBERED:
            oldest, _ = self._seen.popitem(last=False)
            self._known_to = max(oldest, self._known_to or 0)
