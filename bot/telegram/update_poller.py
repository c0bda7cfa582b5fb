"""Long polling for updates: one getUpdates request after another while this process may poll.

The answer is read as JSON and each update is parsed separately: a malformed one delays no other.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from cachetools import LRUCache
from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut
from telegram.request import BaseRequest

from bot.supervisor import BackgroundTasks
from bot.telegram.errors import retry_seconds
from bot.telegram.http_request import as_json, ready
from bot.telegram.update_parser import LARGEST
from storage.clock import Backoff

log = logging.getLogger(__name__)

HANDLING_SECONDS = 5.0  # after which an unfinished update is confirmed all the same
AT_WORK = 500  # updates that are handled at a time
ASIDE_SECONDS = 0.3  # between two requests while an update is being handled
FLOOR_SECONDS = 1.0  # between two requests that return at once without a new update
MOST = 100  # updates in one answer (Bot API, getUpdates)
RECENT = 1000  # ids of handed on updates that are kept
BACKLOG = 10_000  # updates that are fetched ahead of handling
BACKLOG_SECONDS = 30.0  # age from which on a full answer is a backlog
AT_ONCE, APART_SECONDS = 100, 0.1  # old questions that are handled at once, then the time between two
OLD_EACH = 2  # questions of one person in a backlog that are answered
LOOK_SECONDS = 1.0  # between two checks of whether this process may poll
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
CONFLICTS = 6  # in a row, from which on it is not the last request of an earlier process
FIRST_REMOVAL, LONGEST_REMOVAL = 5.0, 600.0  # before a webhook set by another program is deleted

RawUpdate = Mapping[str, Any]
HandOn = Callable[[RawUpdate], Coroutine[object, object, bool]]
AskerOf = Callable[[RawUpdate], Hashable | None]


class QuestionStore(Protocol):
    """Store of a backlog's questions, which are confirmed to Telegram before they are answered."""

    async def load(self) -> Collection[RawUpdate]:
        """Return the questions that were not answered before the last process ended."""
        ...

    async def add(self, questions: Collection[RawUpdate]) -> None:
        """Store further questions."""
        ...

    async def clear(self) -> None:
        """Delete all: they are answered."""
        ...


class PollConflictError(Exception):
    """Another program polls for this bot's updates (`polled`), or has set a webhook."""

    def __init__(self, *, polled: bool) -> None:
        super().__init__("polled elsewhere" if polled else "webhook set elsewhere")
        self.polled = polled


def backlog_order(questions: Mapping[int, RawUpdate], asker_of: AskerOf) -> list[int]:
    """Return the ids of the questions to answer.

    The newest question of each person comes first, the newest of them at the front, then at most
    `OLD_EACH` - 1 earlier ones of each. Questions change nothing, so their order does not matter.
    """
    asked: dict[Hashable | None, list[int]] = {}
    for number in sorted(questions, reverse=True):
        asked.setdefault(asker_of(questions[number]), []).append(number)
    ranks = ([each[rank] for each in asked.values() if rank < len(each)] for rank in range(OLD_EACH))
    return [number for rank in ranks for number in rank]


def _is_old(updates: Mapping[int, RawUpdate], now: float) -> bool:
    """Return whether the newest message in a full answer was sent a while before `now` (Unix seconds)."""
    messages = [each.get("message") for each in updates.values()]
    sent = [each["date"] for each in messages if isinstance(each, dict) and type(each.get("date")) is int]
    return len(updates) >= MOST and bool(sent) and now - max(sent) > BACKLOG_SECONDS


class UpdatePoller:
    """Polls while `may` returns True; `hand_on` gets every update once, as JSON."""

    def __init__(
        self,
        bot: Bot,
        request: BaseRequest,
        may: Callable[[], bool],
        hand_on: HandOn,
        *,
        questions: QuestionStore,
        wanted: Sequence[str],
        held_open: float,
        report: Callable[[Exception], None] = lambda _: None,
        resumed: Callable[[], None] = lambda: None,
        asker_of: AskerOf = lambda _: None,
    ) -> None:
        """`wanted` are update kinds; a request stays open for `held_open` seconds.

        A request with an offset confirms all updates before it, and they would be lost with a process that
        dies. So an update is confirmed when `hand_on` has handled it, or after `HANDLING_SECONDS`; `hand_on`
        returns False for one that the stop left unhandled. `report` is called once for each conflict with
        another program, `resumed` when it is over. `asker_of` returns who asks, where an update is a question
        that changes nothing. Those of a backlog are put into `questions` and confirmed before they are
        handled, so that the newest ones can be answered first.
        """
        self._bot = bot
        self._request = request
        self._may = may
        self._hand_on = hand_on
        self._questions = questions
        self._wanted = list(wanted)
        self._held_open = held_open
        self._report = report
        self._resumed = resumed
        self._asker_of = asker_of
        self._conflicting = False
        self._offset: int | None = None
        self._recent: LRUCache[int, None] = LRUCache(RECENT)
        self._stopping = asyncio.Event()
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._removals = Backoff(FIRST_REMOVAL, LONGEST_REMOVAL)
        self._removed_at = float("-inf")
        self._at_work: dict[int, float] = {}
        self._handing = BackgroundTasks()
        self._waiting: dict[int, RawUpdate] = {}  # questions of a backlog, in the order of their answers
        self._fetched: dict[int, RawUpdate] = {}  # those of a backlog that is being fetched
        self._begun: set[int] = set()  # those that are being answered
        self._answering: asyncio.Task[None] | None = None

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Poll until `stop`, then confirm the handled updates."""
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask())
            await self._stopping.wait()
            asking.cancel()
        await self._handing.wait(HANDLING_SECONDS)
        await self._confirm()

    async def _ask(self) -> None:
        mine = False
        while True:
            if not self._may():
                mine = False
                await asyncio.sleep(LOOK_SECONDS)
                continue
            try:
                if not mine:
                    await self._begin()
                    mine = True
                await self._ask_once()
                self._backoff.reset()
                if self._conflicting:
                    self._conflicting = False
                    self._resumed()
            except TelegramError as error:
                mine = mine and not _is_webhook(error)
                await asyncio.sleep(self._after(error))

    async def _begin(self) -> None:
        """Delete the webhook, while which getUpdates is refused, and take up the questions left over."""
        await self._bot.delete_webhook()
        self._removed_at = asyncio.get_running_loop().time()
        self._offset = None
        left = await self._questions.load()
        self._queue({each["update_id"]: each for each in left if each["update_id"] not in self._begun})

    async def _ask_once(self) -> None:
        """Request updates once; unfinished ones are requested again so that Telegram keeps them."""
        loop = asyncio.get_running_loop()
        while len(self._handing) >= AT_WORK:
            await self._handing.wait(ASIDE_SECONDS)
        unfinished, started = self._oldest_at_work(), loop.time()
        offset = self._offset if unfinished is None else unfinished
        updates = await self._updates(offset, self._held_open if unfinished is None else 0)
        if not self._may():
            return  # the process that may poll gets them again
        if unfinished is None and _is_old(updates, time.time()):
            await self._take_backlog(updates)
            return
        if offset is not None and updates and max(updates) < offset:
            # Ids restart at a lower number after a week without updates, or with another server.
            log.warning("update ids restart at %s, below %s", min(updates), offset)
            self._offset = None
            self._at_work.clear()
        fresh = [number for number in updates if self._offset is None or number >= self._offset]
        new = [number for number in fresh if number not in self._recent]
        self._start(new, updates)
        if fresh:
            self._offset = max(fresh) + 1
        if not fresh and len(updates) >= MOST:
            self._at_work.clear()  # they fill the answer, and others wait behind them
        await self._handing.wait(ASIDE_SECONDS)
        if not new and unfinished is None:
            await asyncio.sleep(max(0.0, started + FLOOR_SECONDS - loop.time()))

    async def _take_backlog(self, found: dict[int, RawUpdate]) -> None:
        """Fetch all that waits, then start answering the questions.

        Before the next request confirms them, questions are stored and everything else is handled.
        """
        self._fetched = {}
        try:
            while found:
                others = [number for number in found if self._asker_of(found[number]) is None]
                handing = self._start(others, found)
                questions = {number: found[number] for number in found if number not in others}
                self._fetched |= questions
                await self._questions.add(questions.values())
                if handing:
                    await asyncio.wait(handing, timeout=HANDLING_SECONDS)
                self._offset = max(found) + 1
                if len(found) < MOST or len(self._fetched) >= BACKLOG or not self._may():
                    break
                found = await self._updates(self._offset, 0)
        finally:
            fetched, self._fetched = self._fetched, {}
            self._queue(fetched)

    def _queue(self, questions: Mapping[int, RawUpdate]) -> None:
        """Put questions among those that wait, and see that they are answered."""
        waiting = {**self._waiting, **questions}
        self._waiting = {number: waiting[number] for number in backlog_order(waiting, self._asker_of)}
        if questions:
            log.info("%s questions waited, %s of them are answered", len(waiting), len(self._waiting))
        if self._waiting and (self._answering is None or self._answering.done()):
            self._answering = self._handing.start(self._answer())

    def _start(self, numbers: Iterable[int], updates: Mapping[int, RawUpdate]) -> list[asyncio.Task[None]]:
        """Start handling these updates."""
        started: list[asyncio.Task[None]] = []
        for number in numbers:
            self._recent[number] = None
            self._at_work[number] = asyncio.get_running_loop().time()
            started.append(self._handing.start(self._hand(number, updates[number])))
        return started

    async def _answer(self) -> None:
        """Hand on the questions of a backlog in order, slowly, so that new ones do not wait behind them."""
        started = 0
        while self._waiting and not self._stopping.is_set():
            number = next(iter(self._waiting))
            self._begun.add(number)
            self._handing.start(self._hand_question(number, self._waiting.pop(number)))
            started += 1
            if started >= AT_ONCE:
                await asyncio.sleep(APART_SECONDS)

    async def _hand_question(self, number: int, update: RawUpdate) -> None:
        try:
            await self._hand(number, update)
        finally:
            self._begun.discard(number)
        unanswered = self._waiting or self._fetched or self._begun
        if not unanswered and not self._stopping.is_set() and self._may():
            await self._questions.clear()

    async def _updates(self, offset: int | None, seconds: float) -> dict[int, RawUpdate]:
        """Return the updates of one getUpdates request by their ids, in order."""
        fields: dict[str, object] = {"timeout": round(seconds), "allowed_updates": self._wanted}
        if offset is not None:
            fields["offset"] = offset
        answer: object = await self._request.post(f"{self._bot.base_url}/getUpdates", ready(as_json(fields)))
        found = answer if isinstance(answer, list) else []
        updates = {
            each["update_id"]: each
            for each in found
            if isinstance(each, dict) and type(each.get("update_id")) is int and each["update_id"] < LARGEST
        }
        if len(updates) < len(found):
            log.warning("%s updates have no id of their own", len(found) - len(updates))
        return dict(sorted(updates.items()))

    async def _hand(self, number: int, update: RawUpdate) -> None:
        is_handled = True
        try:
            is_handled = await self._hand_on(update)
        finally:
            if is_handled:
                self._at_work.pop(number, None)

    def _oldest_at_work(self) -> int | None:
        """Return the lowest id that is still being handled and not overdue."""
        since = asyncio.get_running_loop().time() - HANDLING_SECONDS
        return min((number for number, began in self._at_work.items() if began > since), default=None)

    def _after(self, error: TelegramError) -> float:
        """Return the seconds to wait after `error`; log and report it once."""
        pause = self._backoff.fail()
        match error:
            case TimedOut():
                return FIRST_PAUSE
            case RetryAfter():
                return max(pause, retry_seconds(error))
            case Conflict() if _is_webhook(error):
                log.warning("another program has set a webhook: %s", error)
                self._report_conflict(polled=False)
                return self._removals.fail(worked=asyncio.get_running_loop().time() - self._removed_at)
            case Conflict():
                if self._backoff.failures == CONFLICTS:
                    log.warning("another program polls for this bot's updates as well: %s", error)
                    self._report_conflict(polled=True)
            case InvalidToken():
                log.warning("getUpdates fails for now: %s", error)
                self._report(error)
            case _ if self._backoff.failures == 1:
                log.warning("getUpdates fails for now: %s", error)
        return pause

    def _report_conflict(self, *, polled: bool) -> None:
        self._conflicting = True
        self._report(PollConflictError(polled=polled))

    async def _confirm(self) -> None:
        done = min(self._at_work, default=self._offset)
        if done is None or not self._may():
            return
        try:
            await self._updates(done, 0)
        except TelegramError as error:
            log.info("the last updates could not be confirmed: %s", error)


def _is_webhook(error: TelegramError) -> bool:
    """Return whether a 409 is about a webhook, by its text (telegram-bot-api, Client.cpp)."""
    return isinstance(error, Conflict) and "webhook" in error.message.lower()
