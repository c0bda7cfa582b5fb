"""Rate limit rows: shares of the bot's rate, pauses, and starts by chat, shared by several processes.

The arithmetic is in bot/rate_limit. No row is locked between two statements of a process.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, String, any_, bindparam, delete, func, select, text

from storage.engine import EPOCH, MICROSECOND, DataAccess, upsert
from storage.outbox_sql import SENDING
from storage.schema import deliveries, destinations, pace

BOT = "bot"  # the row of the bot's pauses; versions before shares kept its starts there, too
SHARES = "shares"  # the row whose `starts` hold the shares of all processes
FAR = datetime(9999, 1, 1, tzinfo=UTC)  # these two rows are never forgotten

_SHARED = select(pace.c.key, pace.c.starts, pace.c.paused_until, func.clock_timestamp().label("at")).where(
    pace.c.key.in_((BOT, SHARES))
)

# A start is a whole number of microseconds since 1970; a negative one withdraws the positive one before it.
ADD_STARTS = (
    text(
        """
        INSERT INTO pace (key, starts, until)
        SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:starts AS text[]), CAST(:untils AS bigint[]))
        ON CONFLICT (key) DO UPDATE SET
            until = greatest(pace.until, excluded.until),
            starts = excluded.starts || coalesce((
                SELECT string_agg(' ' || start, '') FROM unnest(string_to_array(pace.starts, ' ')) AS start
                WHERE start <> '' AND abs(CAST(start AS bigint)) > :since
            ), '')
        RETURNING key, starts, paused_until
        """
    )
    .bindparams(
        bindparam("keys", type_=ARRAY(String)),
        bindparam("starts", type_=ARRAY(String)),
        bindparam("untils", type_=ARRAY(BigInteger)),
        bindparam("since", type_=BigInteger),
    )
    .columns(pace.c.key, pace.c.starts, pace.c.paused_until)
)


# Arrays, not lists: a list of each length would be a statement of its own for the driver's cache.
CHATS = select(pace.c.key, pace.c.starts, pace.c.paused_until).where(
    pace.c.key == any_(bindparam("keys", type_=ARRAY(String)))
)
CLAIMED_ELSEWHERE = (
    select(destinations.c.chat_id, func.count())
    .join(deliveries, deliveries.c.destination_id == destinations.c.id)
    .where(SENDING, deliveries.c.owner != bindparam("owner"))
    .where(destinations.c.chat_id == any_(bindparam("chats", type_=ARRAY(BigInteger))))
    .group_by(destinations.c.chat_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """The shares as text, the bot's pause, its latest start by an older version, and the database's time."""

    shares: str = ""
    paused_until: datetime | None = None
    older_start: float = 0.0
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatStarts:
    """Starts of one chat in microseconds since 1970 by the database's clock, ascending, and its pause."""

    starts: tuple[int, ...] = ()
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStart:
    """A start to be added to a chat's, in microseconds since 1970, perhaps in place of an earlier one."""

    chat_id: int
    at: int
    instead_of: int | None = None


class RateLimits(DataAccess):
    async def shared(self) -> SharedState:
        """Return what all processes share, on PostgreSQL; the rows are made if they are missing."""
        found = {row.key: row for row in await self._connection.execute(_SHARED)}
        if len(found) < 2:
            rows = [{"key": key, "starts": "", "until": FAR} for key in (BOT, SHARES)]
            await self._put(pace, rows)
            found = {row.key: row for row in await self._connection.execute(_SHARED)}
        bot, shares = found[BOT], found[SHARES]
        older = sum(int(part) for part in bot.starts.split())  # the first since 1970, each by its distance
        return SharedState(
            shares=shares.starts,
            paused_until=bot.paused_until,
            older_start=older / 1e6,
            now=seconds(bot.at.astimezone(UTC)),
        )

    async def replace_shares(self, seen: str, shares: str) -> bool:
        """Replace the shares if they are still those `seen`; return whether they were."""
        return await self._update(pace, pace.c.key == SHARES, pace.c.starts == seen, starts=shares) == 1

    async def chats(self, ids: Collection[int]) -> dict[int, ChatStarts]:
        """Return the starts and pauses of these chats; chats without recent messages have none."""
        found = await self._rows(CHATS, {"keys": [str(i) for i in ids]})
        return {int(row.key): _chat(row) for row in found}

    async def claimed_elsewhere(self, chat_ids: Collection[int], owner: str) -> dict[int, int]:
        """Return how many requests to each of these chats other processes have claimed."""
        asked = {"chats": list(chat_ids), "owner": owner}
        found = await self._rows(CLAIMED_ELSEWHERE, asked)
        return {row[0]: row[1] for row in found}

    async def add_starts(self, starts: Sequence[NewStart], keep: timedelta) -> dict[int, ChatStarts]:
        """Add starts to their chats, drop those older than `keep`; return these chats. On PostgreSQL."""
        chats: dict[str, list[int]] = {}
        for start in starts:
            added = (start.at,) if start.instead_of is None else (start.at, -start.instead_of)
            chats.setdefault(str(start.chat_id), []).extend(added)
        kept, keys = keep // MICROSECOND, sorted(chats)  # in one order: no two processes wait in a circle
        newest = max(start.at for start in starts)
        found = await self._rows(
            ADD_STARTS,
            {
                "keys": keys,
                "starts": [" ".join(map(str, chats[key])) for key in keys],
                "untils": [newest + kept] * len(keys),
                "since": newest - kept,
            },
        )
        return {int(row.key): _chat(row) for row in found}

    async def pause(self, chat_id: int | None, until: datetime, now: datetime) -> None:
        """Pause a chat that Telegram flooded at `now`, or with None the bot."""
        statement = upsert(self._connection, pace).values(
            key=BOT if chat_id is None else str(chat_id),
            starts="",
            paused_until=until,
            flooded_at=now,
            until=FAR if chat_id is None else until + timedelta(minutes=2),
        )
        later = {
            name: func.greatest(pace.c[name], statement.excluded[name])
            for name in ("paused_until", "flooded_at", "until")
        }
        await self._write(statement.on_conflict_do_update(index_elements=[pace.c.key], set_=later))

    async def flooded_since(self, since: datetime, but: int) -> int:
        """Return how many chats but one Telegram flooded since."""
        return await self._number(
            select(func.count()).where(pace.c.flooded_at > since, pace.c.key.not_in([BOT, str(but)]))
        )

    async def prune(self, now: datetime) -> None:
        """Delete the rows of chats that no window contains any longer."""
        await self._write(delete(pace).where(pace.c.until < now, pace.c.key.not_in((BOT, SHARES))))


def _chat(row: Any) -> ChatStarts:
    return ChatStarts(starts=_read(row.starts), paused_until=row.paused_until)


def _read(starts: str) -> tuple[int, ...]:
    numbers = {int(part) for part in starts.split()}
    return tuple(sorted(at for at in numbers if at > 0 and -at not in numbers))


def seconds(at: datetime) -> float:
    """Return the seconds from 1970 to `at`."""
    return (at - EPOCH) / MICROSECOND / 1e6
