"""Rate limit rows: request starts and pauses that several processes share.

The arithmetic is in bot/rate_limit. The holder of the lock on the bot's row may read and
write all of them: one transaction books at a time, and no two wait for each other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import EPOCH, MICROSECOND, few_lengths, upsert
from storage.schema import pace

BOT = "bot"

BOT_ALONE = select(pace).where(pace.c.key == BOT).with_for_update()
_LOCKED = BOT_ALONE.subquery("locked")
# Outside the lock's subquery, whose other columns are evaluated before the lock is taken.
BOT_AND_TIME = select(*_LOCKED.c, func.clock_timestamp().label("at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitRow:
    """Of the bot or of one chat. `starts` are seconds since 1970, in order, by the database's clock.

    `until` is when the row says nothing any more and may be forgotten.
    """

    key: str
    starts: tuple[float, ...] = ()
    paused_until: datetime | None = None
    flooded_at: datetime | None = None
    until: datetime = EPOCH


class RateLimits:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, given: datetime = EPOCH) -> tuple[RateLimitRow, datetime]:
        """Return the bot's row, locked until the transaction ends, and the time then; `given` on SQLite."""
        shared = self._connection.dialect.name == "postgresql"
        bot = BOT_AND_TIME if shared else BOT_ALONE
        row = (await self._connection.execute(bot)).first()
        if row is None:
            first = upsert(self._connection, pace).values(key=BOT, starts="", until=EPOCH)
            await self._connection.execute(first.on_conflict_do_nothing())
            row = (await self._connection.execute(bot)).one()
        return _paced(row), row.at.astimezone(UTC) if shared else given

    async def chats(self, ids: Collection[int]) -> dict[int, RateLimitRow]:
        """Return the rows of these chats; chats without recent messages have none."""
        keys = few_lengths(str(i) for i in ids)
        found = await self._connection.execute(select(pace).where(pace.c.key.in_(keys)))
        return {int(row.key): _paced(row) for row in found}

    async def flooded_since(self, since: datetime, but: int) -> tuple[int, datetime | None]:
        """How many chats Telegram flooded since, but for one, and until when the longest is paused."""
        found = await self._connection.execute(
            select(func.count(), func.max(pace.c.paused_until)).where(
                pace.c.flooded_at > since, pace.c.key.not_in([BOT, str(but)])
            )
        )
        many, until = found.one()
        return many, until

    async def write(self, rows: Iterable[RateLimitRow]) -> None:
        """Put these in place of what was there."""
        statement = upsert(self._connection, pace)
        values = ("starts", "paused_until", "flooded_at", "until")
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[pace.c.key], set_={name: statement.excluded[name] for name in values}
            ),
            [
                {
                    "key": row.key,
                    "starts": _written(row.starts),
                    "paused_until": row.paused_until,
                    "flooded_at": row.flooded_at,
                    "until": row.until,
                }
                for row in rows
            ],
        )

    async def prune(self, now: datetime) -> None:
        """Forget the chats whose rows say nothing any more."""
        await self._connection.execute(delete(pace).where(pace.c.until < now, pace.c.key != BOT))


def _written(starts: Iterable[float]) -> str:
    """As whole microseconds: the first since 1970, each further one since the one before."""
    parts, before = [], 0
    for start in starts:
        at = round(start * 1e6)
        parts.append(str(at - before))
        before = at
    return " ".join(parts)


def as_stored(start: float) -> float:
    """Return `start` rounded as the stored text is."""
    return round(start * 1e6) / 1e6


def _read(text: str) -> tuple[float, ...]:
    starts, at = [], 0
    for part in text.split():
        at += int(part)
        starts.append(at / 1e6)
    return tuple(starts)


def _paced(row: Any) -> RateLimitRow:
    return RateLimitRow(
        key=row.key,
        starts=_read(row.starts),
        paused_until=row.paused_until,
        flooded_at=row.flooded_at,
        until=row.until,
    )


def instant(seconds: float) -> datetime:
    """Return the UTC time `seconds` after 1970."""
    return EPOCH + timedelta(microseconds=round(seconds * 1e6))


def seconds(at: datetime) -> float:
    """Return the seconds from 1970 to `at`."""
    return (at - EPOCH) / MICROSECOND / 1e6
