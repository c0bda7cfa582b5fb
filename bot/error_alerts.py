"""Error alerts: the first error of each kind is reported to the operators, then counts.

Holds the error's class and location only; its text may contain what a user wrote.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb

from bot.delivery.admin_notices import DatabaseSilent, Notice, UnexpectedErrors, encode
from bot.ops.metrics import Metrics
from bot.supervisor import TriggeredWorker
from storage.clock import Clock
from storage.database import Database
from storage.engine import DataAccess

QUIET_SECONDS = 3600.0  # between two notices of the same kind
KINDS = 100  # kinds counted separately
PROGRAM = Path(__file__).parents[1]


class Tally:
    """Count of each kind of error since its last notice. Pure: time is an argument."""

    def __init__(self) -> None:
        self._unreported: OrderedDict[str, int] = OrderedDict()
        self._reported_at: dict[str, float] = {}

    def note(self, kind: str) -> None:
        """Count one error; beyond `KINDS` the least recent kind is dropped."""
        self._unreported[kind] = self._unreported.get(kind, 0) + 1
        self._unreported.move_to_end(kind)
        if len(self._unreported) > KINDS:
            forgotten, _ = self._unreported.popitem(last=False)
            self._reported_at.pop(forgotten, None)

    def due(self, now: float) -> list[tuple[str, int]]:
        """Return the kinds to report at `now` with their counts: new ones, others after `QUIET_SECONDS`."""
        return [
            (kind, count)
            for kind, count in self._unreported.items()
            if count and now - self._reported_at.get(kind, -QUIET_SECONDS) >= QUIET_SECONDS
        ]

    def mark_reported(self, kind: str, count: int, now: float) -> None:
        """Record that `count` errors of `kind` were reported at `now`."""
        self._unreported[kind] = self._unreported.get(kind, count) - count
        self._reported_at[kind] = now


class ErrorAlerts(TriggeredWorker):
    """Counts errors and adds notices to the outbox."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        admins: tuple[int, ...],
        planned: Callable[[], None] = lambda: None,
    ) -> None:
        """`planned` is called after a notice was added."""
        super().__init__()
        self._planned = planned
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._admins = admins
        self._tally = Tally()
        self._notices: deque[tuple[str, Notice]] = deque()  # with their dedup keys
        self._notified_at: dict[str, float] = {}
        self._unresolved: set[str] = set()
        self._silences = 0

    def report(self, place: str, error: BaseException) -> None:
        """Count an unexpected error of `place`, whose traceback is in the log already."""
        self._metrics.failed(place)
        self._tally.note(f"{place}: {described(error)}")
        self.wake()

    def notify(self, key: str, notice: Notice) -> bool:
        """Add a notice, once for each `key` within `QUIET_SECONDS`; return whether it was added.

        Of several processes that add it within one hour, the first one does.
        """
        now = self._clock.monotonic()
        due = now - self._notified_at.get(key, -QUIET_SECONDS) >= QUIET_SECONDS
        if due:
            self._notified_at = {
                past: at for past, at in self._notified_at.items() if now - at < QUIET_SECONDS
            } | {key: now}
            self._unresolved = (self._unresolved & self._notified_at.keys()) | {key}
            self._notices.append((f"notice:{key}:{self._clock.now():%Y-%m-%dT%H}", notice))
            self.wake()
        return due

    def resolve(self, key: str, notice: Notice) -> None:
        """Add the notice that the trouble reported under `key` is over, once."""
        if key in self._unresolved:
            self._unresolved.remove(key)
            self._notices.append((f"notice:{key} resolved:{self._clock.now().isoformat()}", notice))
            self.wake()

    def _notify_of_silences(self) -> None:
        """Report that the database was silent; the notice is written when it answers again."""
        silences = self._database.silences
        if silences > self._silences and self.notify("database", DatabaseSilent(silences - self._silences)):
            self._silences = silences

    async def run_once(self) -> None:
        self._notify_of_silences()
        while self._notices:
            await self._plan(*self._notices[0])
            self._notices.popleft()
        for kind, count in self._tally.due(self._clock.monotonic()):
            duty = f"notice:error:{self._clock.now().isoformat()}:{kind}"
            await self._plan(duty, UnexpectedErrors(kind, count))
            self._tally.mark_reported(kind, count, self._clock.monotonic())

    async def _plan(self, duty: str, notice: Notice) -> None:
        """Add a notice to the outbox under its dedup key."""
        now, payload = self._clock.now(), encode(notice)
        await self._database.write(lambda tx: tx.planner.notify_chats(self._admins, duty, payload, now))
        self._planned()


def described(error: BaseException) -> str:
    """Return the error's class and the last frame in this program, except those that execute statements."""
    places = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") != DataAccess.__module__
    ]
    ours = [
        f", {name.relative_to(PROGRAM).as_posix()}:{line}"
        for name, line in places
        if name.is_relative_to(PROGRAM) and "site-packages" not in name.parts
    ]
    return type(error).__name__ + (ours[-1] if ours else "")
