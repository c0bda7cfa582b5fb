"""Errors nobody expected: each kind is told to the operators at once, then with its number.

Knows what an error is called and where it arose; neither its text, which may hold what somebody wrote, nor
what was being done.
"""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb

from bot.clock import Clock
from bot.delivery.admin_notices import UnexpectedErrors, encode
from bot.ops.metrics import Metrics
from bot.supervisor import TriggeredWorker
from storage.database import Database

QUIET_SECONDS = 3600.0  # between two notices of the same kind
KINDS = 100  # that are told apart
PROGRAM = Path(__file__).parents[1]
STATEMENTS = PROGRAM / "storage" / "sqlite_driver.py"


class Tally:
    """How often each kind of error came up since it was last told. Pure: time is an argument."""

    def __init__(self) -> None:
        self._untold: OrderedDict[str, int] = OrderedDict()
        self._told_at: dict[str, float] = {}

    def note(self, kind: str) -> None:
        """It came up once more; beyond KINDS the one that was longest ago is forgotten."""
        self._untold[kind] = self._untold.get(kind, 0) + 1
        self._untold.move_to_end(kind)
        if len(self._untold) > KINDS:
            forgotten, _ = self._untold.popitem(last=False)
            self._told_at.pop(forgotten, None)

    def due(self, now: float) -> list[tuple[str, int]]:
        """What is to be told at `now`, with its number: what is new, and others after QUIET_SECONDS."""
        return [
            (kind, count)
            for kind, count in self._untold.items()
            if count and now - self._told_at.get(kind, -QUIET_SECONDS) >= QUIET_SECONDS
        ]

    def told(self, kind: str, count: int, now: float) -> None:
        self._untold[kind] = self._untold.get(kind, count) - count
        self._told_at[kind] = now


class ErrorAlerts(TriggeredWorker):
    """Counts what comes up and puts notices into the outbox."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        admins: tuple[int, ...],
        planned: Callable[[], None] = lambda: None,
    ) -> None:
        """`planned` is called when a notice was put there."""
        super().__init__()
        self._planned = planned
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._admins = admins
        self._tally = Tally()

    def report(self, place: str, error: BaseException) -> None:
        """An error nobody expected ended what was done in `place`; its traceback is in the log already."""
        self._metrics.failed(place)
        self._tally.note(f"{place}: {described(error)}")
        self.wake()

    async def run_once(self) -> None:
        for kind, count in self._tally.due(self._clock.monotonic()):
            await self._tell(kind, count)

    async def _tell(self, kind: str, count: int) -> None:
        now = self._clock.now()
        duty, said = f"notice:error:{now.isoformat()}:{kind}", encode(UnexpectedErrors(kind, count))
        await self._database.write(lambda tx: tx.planner.notify_chats(self._admins, duty, said, now))
        self._tally.told(kind, count, self._clock.monotonic())
        self._planned()


def described(error: BaseException) -> str:
    """The error's name and the last place of this program on its way, but for the way of every statement."""
    places = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [
        f", {name.relative_to(PROGRAM).as_posix()}:{line}"
        for name, line in places
        if name.is_relative_to(PROGRAM) and "site-packages" not in name.parts and name != STATEMENTS
    ]
    return type(error).__name__ + (ours[-1] if ours else "")
