"""Rate limiter of several processes: each leases a share of the bot's rate; starts by chat are in rows.

A claim is committed before the rows of its chats are read, and an answer's start before the claims of its
chat are read: of two processes that write to one chat at the same time at least one sees the other.
"""

import asyncio
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.caching import APART_SECONDS, BatchLoader
from bot.leases import LeaseHolder
from bot.ops.metrics import Extent, Metrics
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.in_process import QueuedSlot, RateLimiter, request_of
from bot.rate_limit.scheduler import FIRST_BOT_PAUSE, FLOODS_TOGETHER, Limits, SendScheduler, SlotRequest
from bot.rate_limit.shares import LEASE_SECONDS, Share, read_shares, released, renewed, write_shares
from bot.supervisor import wait_for
from bot.telegram.http_request import SendGate
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.rate_limits import ChatStarts, NewStart, SharedState, seconds
from storage.send_log import Claim

log = logging.getLogger(__name__)

RENEW_SECONDS = 1.0
HURRIED_SECONDS = 0.1  # the least time between two renewals
USABLE = 0.93  # the part of the lease that is used: clocks run differently
GRACE_SECONDS = 0.1  # more than it takes to stop using what is given back
BUSY_SECONDS = 3.0  # after deliveries had to wait for the rate, during which all of it is wanted
UNWRITTEN_SECONDS = 1.0  # to wait where the mark of a request cannot be written
OLDER_SECONDS = 2.0  # since a start of a version without shares, during which no share is taken
COLLISIONS = 10  # with other processes that renew at the same time

FRESH_SECONDS = 3.0  # after the row of its chat was read, during which a claim's request may start
LATE_SECONDS = 0.5  # by which an answer may be later than its row says
CHECK_SECONDS = 0.1  # between two looks for claims of another process
LONGEST_CHECK = FRESH_SECONDS + 1.5  # then such a claim can no longer start
KEEP = timedelta(seconds=65)  # a little more than the longest window


@dataclass(slots=True)
class ClockBounds:
    """Bounds of the offset of the database's clock by the last look, which steps of a clock outdate soon."""

    is_known: bool = False
    _low: float = 0.0
    _high: float = 0.0

    def observe(self, before: float, after: float, there: float) -> None:
        """Record that the other clock showed `there` between own times `before` and `after`."""
        self.is_known, self._low, self._high = True, there - after, there - before

    def there(self, own: float) -> float:
        """Return the other clock's time at `own`, or a later one."""
        return own + self._high

    def here(self, there: float) -> float:
        """Return the own time at which the other clock shows `there`, or a later one."""
        return there - self._low


@dataclass(slots=True, eq=False)
class UnwrittenStart:
    """A start of this process that the row of its chat does not have yet, or has as `reserved`."""

    request: SlotRequest
    since: float
    reserved: int | None = None  # microseconds since 1970
    limit: float = math.inf  # until when the request may start
    at: int = 0  # when it was sent


class SharedRateLimiter(RateLimiter):
    """`pulse` is this process's lease: its claims end with it, and without it nothing is sent."""

    longest_wait = FRESH_SECONDS
    linger, gather = 0.03, 0.05  # what is not settled when a process dies is sent again: it has no send log

    def __init__(
        self,
        database: Database,
        limits: Limits,
        clock: Clock,
        pulse: LeaseHolder,
        metrics: Metrics,
    ) -> None:
        super().__init__(database, SendScheduler(limits), clock, metrics)
        self._crowd, self._is_limited = limits.crowd, limits.per_second is not None
        self._whole = limits.of_bot(limits.margin)
        self._pulse = pulse
        self._begun = BatchLoader(self._write_begun)
        self._bounds = ClockBounds()
        self._share = Share(owner="", most=0, wanted=0, until=0.0)
        self._usable_until = -math.inf
        self._hurry = asyncio.Event()
        self._busy_until = -math.inf
        self._unwritten: list[UnwrittenStart] = []
        self._writing: list[UnwrittenStart] = []  # of these
        self._use_share(0)

    async def start(self) -> None:
        await self._renew()

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(HURRIED_SECONDS)
                await wait_for(self._hurry, RENEW_SECONDS - HURRIED_SECONDS)
                self._hurry.clear()
                try:
                    await self._renew()
                except Exception as error:
                    log.warning("the share of the rate cannot be renewed: %s", type(error).__name__)
        finally:
            self._usable_until = -math.inf
            self._use_share(0)
            await self._release()

    async def _renew(self) -> None:
        """Look at the shared state; renew the share before its half is over, or if another is fair."""
        for _ in range(COLLISIONS):
            before = self._clock.monotonic()
            state = await self._look()
            after = self._clock.monotonic()
            owner, held = self._pulse.token, self._share
            if not self._is_limited or not owner or state.older_start > state.now - OLDER_SECONDS:
                return
            shares = renewed(
                read_shares(state.shares),
                owner,
                wanted=self._wanted(after),
                most=self._whole.most,
                window=self._whole.seconds,
                now=state.now,
                grace=after - before + GRACE_SECONDS,
            )
            own = shares[-1]
            if own == replace(held, until=own.until) and held.until - state.now > LEASE_SECONDS / 2:
                return
            self._use_share(min(own.most, held.most))
            if await self._replace_shares(state, shares):
                self._share, self._usable_until = own, before + USABLE * LEASE_SECONDS
                self._use_share(own.most)
                self._queue.dispatch()
                return

    async def _look(self) -> SharedState:
        """Read what all processes share; heed the pause of the bot."""
        before = self._clock.monotonic()
        state = await self._database.write(lambda tx: tx.rate_limits.shared(), autocommit=True)
        self._bounds.observe(before, self._clock.monotonic(), state.now)
        if state.paused_until is not None:
            self._scheduler.pauses.pause_bot(self._bounds.here(seconds(state.paused_until)))
        return state

    async def _replace_shares(self, seen: SharedState, shares: Collection[Share]) -> bool:
        text = write_shares(shares)
        return await self._database.write(
            lambda tx: tx.rate_limits.replace_shares(seen.shares, text), autocommit=True
        )

    def _use_share(self, most: int) -> None:
        if self._is_limited:
            self._scheduler.set_share(most, self._usable_until)
            # Several processes ask the database as often as one that has the whole rate.
            self._begun.apart = APART_SECONDS if most == self._whole.most else self.linger

    def _wanted(self, now: float) -> int:
        """Return how many starts per window this process could use."""
        most = self._whole.most
        return most if now < self._busy_until else min(most, 2 * self._scheduler.used(now))

    async def _release(self) -> None:
        """Give the share back; otherwise it expires."""
        if self._share.owner:
            state = await self._look()
            await self._replace_shares(
                state, released(read_shares(state.shares), self._share.owner, state.now)
            )

    def budget(self) -> int:
        if self._is_limited and not self._share.most:
            self._hurry.set()
        return super().budget() if self._pulse.is_held() else 0

    async def claim(
        self, tx: Transaction, slots: int, now: datetime, lease: timedelta
    ) -> Sequence[ClaimedDelivery]:
        owner, at = self._pulse.token, self._clock.monotonic()
        if not owner or not self._pulse.is_held():
            return []
        claimed = await tx.outbox.claim(slots, now, lease, owner)
        if len(claimed) == slots:
            if at > self._busy_until and self._share.most != self._whole.most:
                self._hurry.set()
            self._busy_until = at + BUSY_SECONDS
        return [ClaimedDelivery(delivery, at, owner) for delivery in claimed]

    async def settle(self, tx: Transaction) -> None:
        self._writing = self._sent()
        if self._writing:
            await tx.rate_limits.add_starts(_new_starts(self._writing), KEEP)

    async def committed(self, claimed: Sequence[ClaimedDelivery]) -> None:
        self._written(self._writing)
        self._writing = []
        if claimed:
            await self._load(claimed)

    async def _load(self, claimed: Sequence[ClaimedDelivery]) -> None:
        """Load what other processes sent, or are about to send, to the chats of these claims."""
        requests = {request.chat_id: request for each in claimed for request in [request_of(each.delivery)]}
        groups = [chat_id for chat_id, request in requests.items() if not request.private]
        owner = claimed[0].owner or ""

        async def unit(tx: Transaction) -> tuple[dict[int, ChatStarts], dict[int, int]]:
            elsewhere = await tx.rate_limits.claimed_elsewhere(groups, owner) if groups else {}
            return await tx.rate_limits.chats(requests), elsewhere

        chats, elsewhere = await self._database.write(unit, autocommit=True)
        now = self._clock.monotonic()
        own: dict[int, list[UnwrittenStart]] = {}
        for each in self._unwritten:
            own.setdefault(each.request.chat_id, []).append(each)
        for chat_id in chats.keys() | elsewhere.keys():
            coming = [now + FRESH_SECONDS] * elsewhere.get(chat_id, 0)
            row = chats.get(chat_id, ChatStarts())
            self._recall(requests[chat_id], row, own.get(chat_id, ()), coming)

    def _recall(
        self, to: SlotRequest, row: ChatStarts, own: Sequence[UnwrittenStart], coming: Sequence[float] = ()
    ) -> None:
        """Load the row of a chat; `own` starts, which this process has not yet written there, remain."""
        reserved = {each.reserved for each in own}
        starts = [self._bounds.here(at / 1e6) for at in row.starts if at not in reserved]
        starts += [each.request.start for each in own if each.request.start is not None]
        self._scheduler.recall_chat(to.chat_id, to.private, [*starts, *coming])
        if row.paused_until is not None:
            self._scheduler.pauses.pause(to.chat_id, self._bounds.here(seconds(row.paused_until)))

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        delivery = claimed.delivery
        if self._clock.monotonic() > claimed.at + FRESH_SECONDS / 2:
            claimed = replace(claimed, at=self._clock.monotonic())
            await self._load([claimed])
        if not self._is_ours(claimed):
            return Postponed(0.0)
        request = await self._granted(claimed)
        if isinstance(request, Postponed):
            return request
        try:
            is_marked, wait = await self._begun.get((delivery.id, delivery.token)), 0.0
        except Exception as error:  # the database is away: without the mark no request is made
            log.warning("the start of a request cannot be written: %s", type(error).__name__)
            is_marked, wait = False, UNWRITTEN_SECONDS
        if not is_marked:
            self._scheduler.withdraw(request)
            return Postponed(wait)
        start = self._unwritten_start(request)
        is_valid, sent = partial(self._is_ours, claimed), partial(self._mark_sent, start)
        return QueuedSlot(self._queue, request, self._clock, is_valid, sent)

    async def _write_begun(self, claims: Collection[Claim]) -> Mapping[Claim, bool]:
        """Mark many requests that are about to be made at once, in a statement of its own."""
        marked = await self._database.write(lambda tx: tx.outbox.begin(claims), autocommit=True)
        return {claim: claim in marked for claim in claims}

    def _is_ours(self, claimed: ClaimedDelivery) -> bool:
        """Return whether the claim cannot belong to another process, however long this one was suspended."""
        fresh = self._clock.monotonic() < claimed.at + FRESH_SECONDS
        return fresh and self._pulse.is_held() and self._pulse.token == claimed.owner

    def pause_chat(self, chat_id: int, seconds: float) -> None:
        """Pause it here at once; `pause_chat_for_all` writes the pause with the outcome of the push."""
        self._scheduler.pauses.pause(chat_id, self._clock.monotonic() + seconds)

    async def pause_chat_for_all(self, tx: Transaction, chat_id: int, until: datetime, now: datetime) -> None:
        """Pause the chat, and the bot if several chats were flooded together, in the shared rows."""
        await tx.rate_limits.pause(chat_id, until, now)
        others = await tx.rate_limits.flooded_since(now - timedelta(seconds=FLOODS_TOGETHER), but=chat_id)
        extent: Extent = "chat"
        accepted = len(self._scheduler.pauses.accepted(self._clock.monotonic()) - {chat_id})
        if others and others + 1 >= self._crowd and others + 1 > accepted:
            extent = "bot"
            paused = min(until, now + timedelta(seconds=FIRST_BOT_PAUSE))
            await tx.rate_limits.pause(None, paused, now)
            self._scheduler.pauses.pause_bot(self._bounds.here(seconds(paused)))
            self._scheduler.widen()
        self._metrics.flooded(extent)

    async def acquire_for_answer(self, chat_id: int, private: bool, longest: float) -> SendGate | None:
        """Reserve the start in the chat's row, then make sure that no other process has claimed one."""
        begun = self._clock.monotonic()
        if not self._bounds.is_known:
            await self._renew()
        request = SlotRequest(chat_id, private, interactive=True)
        start = self._unwritten_start(request)
        while (left := begun + longest - self._clock.monotonic()) > 0:
            if not await self._wait_for_answer(request, left):
                break
            row, is_claimed = await self._reserve(start)
            now = self._clock.monotonic()
            is_granted = self._scheduler.is_counted(now, request)
            self._scheduler.withdraw(request)
            own = [each for each in self._unwritten if each.request.chat_id == chat_id]
            self._recall(request, row, own)
            is_claimed = is_claimed and now - begun < LONGEST_CHECK
            if is_granted and not is_claimed and self._scheduler.ready_at(now, chat_id, private) <= now:
                self._scheduler.mark_sent(now, request)
                is_valid, sent = partial(self._is_before, start), partial(self._mark_sent, start)
                return QueuedSlot(self._queue, request, self._clock, is_valid, sent)
            if is_claimed:
                await asyncio.sleep(CHECK_SECONDS)
        return None

    async def _reserve(self, start: UnwrittenStart) -> tuple[ChatStarts, bool]:
        """Write the latest time of an answer's start to its chat's row.

        Return the row, and whether another process has claimed a request to the chat.
        """
        chat_id, before = start.request.chat_id, start.reserved
        start.limit = self._clock.monotonic() + LATE_SECONDS
        start.reserved = round(self._bounds.there(start.limit) * 1e6)
        sent = self._sent()
        starts = [NewStart(chat_id=chat_id, at=start.reserved, instead_of=before), *_new_starts(sent)]

        async def unit(tx: Transaction) -> tuple[ChatStarts, bool]:
            rows = await tx.rate_limits.add_starts(starts, KEEP)
            elsewhere = await tx.rate_limits.claimed_elsewhere([chat_id], self._pulse.token)
            return rows[chat_id], bool(elsewhere)

        found = await self._database.write(unit, autocommit=True)
        self._written(sent)
        return found

    async def pause_chat_after_answer(self, chat_id: int, seconds: float) -> None:
        self.pause_chat(chat_id, seconds)

        async def unit(tx: Transaction) -> None:
            now = await tx.now(self._clock.now())
            await self.pause_chat_for_all(tx, chat_id, now + timedelta(seconds=seconds), now)

        await self._database.write(unit, exclusive=False)

    def _is_before(self, start: UnwrittenStart) -> bool:
        return self._clock.monotonic() < start.limit

    def _unwritten_start(self, request: SlotRequest) -> UnwrittenStart:
        start = UnwrittenStart(request, self._clock.monotonic())
        self._unwritten.append(start)
        return start

    def _mark_sent(self, start: UnwrittenStart, request: SlotRequest) -> None:
        assert request.start is not None
        start.at = round(self._bounds.there(request.start) * 1e6)

    def _sent(self) -> list[UnwrittenStart]:
        """Return the starts that can be written; forget those that were never made."""
        before = self._clock.monotonic() - KEEP.total_seconds()
        self._unwritten = [each for each in self._unwritten if each.at or each.since > before]
        return [each for each in self._unwritten if each.at]

    def _written(self, sent: Collection[UnwrittenStart]) -> None:
        """Forget starts that are committed."""
        if sent:
            written = set(sent)
            self._unwritten = [each for each in self._unwritten if each not in written]


def _new_starts(sent: Sequence[UnwrittenStart]) -> list[NewStart]:
    return [NewStart(chat_id=each.request.chat_id, at=each.at, instead_of=each.reserved) for each in sent]
