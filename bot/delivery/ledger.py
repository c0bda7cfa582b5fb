"""The rows of the pace as one pacing: read under the lock of the bot's row, and written back as booked.

Knows which row says what; who books what, and why, is the shared pace's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.delivery.limits import Limits
from bot.delivery.wide_pacing import WidePacing
from storage.database import Transaction
from storage.pace import Paced, instant, seconds

SKEWED_SECONDS = 300.0  # nothing is booked so far ahead: such a start is of a clock that was set back
MINUTE = 60.0  # longer than this no window looks back, its margin apart


@dataclass(slots=True)
class Ledger:
    """Open within one transaction, in which nobody else books; `now` is the time that the rows go by."""

    tx: Transaction
    pacing: WidePacing
    bot: Paced
    now: float
    chats: dict[int, Paced] = field(default_factory=dict)

    async def recall(self, chats: Mapping[int, bool]) -> None:
        """Let the pacing know these chats, each with whether it is private."""
        known = await self.tx.pace.chats(chats)
        for chat_id, row in known.items():
            starts = (start for start in row.starts if start < self.now + SKEWED_SECONDS)
            self.pacing.recall_chat(chat_id, chats[chat_id], starts)
            if row.paused_until is not None:
                self.pacing.freeze(chat_id, seconds(row.paused_until))
        self.chats |= {chat_id: known.get(chat_id, Paced(key=str(chat_id))) for chat_id in chats}

    async def close(self) -> None:
        """Write what was booked."""
        rows = [replace(self.bot, starts=self.pacing.starts)]
        for chat_id, row in self.chats.items():
            starts = self.pacing.starts_of(chat_id)
            until = instant(starts[-1] + 2 * MINUTE) if starts else row.until
            rows.append(replace(row, starts=starts, until=later(until, row.paused_until)))
        await self.tx.pace.write(rows)


async def open_ledger(tx: Transaction, limits: Limits, given: datetime) -> Ledger:
    """Lock the rows. `given` is the time where no other process is."""
    bot, at = await tx.pace.lock(given)
    now = seconds(at)
    pacing = WidePacing(limits)
    pacing.recall(start for start in bot.starts if start < now + SKEWED_SECONDS)
    if bot.paused_until is not None:
        pacing.freeze_bot(seconds(bot.paused_until))
    return Ledger(tx, pacing, bot, now)


def later(one: datetime | None, other: datetime | None) -> datetime:
    """The later of two, of which at least one is known."""
    return max(at for at in (one, other) if at is not None)
