"""An event loop whose time jumps to the next timer when nothing else is to be done: days in seconds."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BLOCKED_SECONDS = 0.05  # of real time, for work in threads


class _Selector(selectors.DefaultSelector):
    """Waits in real time while work in threads is under way, otherwise not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.busy: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(BLOCKED_SECONDS if self.busy() else 0)
        if not ready and not self.busy():
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Real for sockets and threads, virtual for timers; `busy` tells whether a thread works."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._virtual.busy = busy

    def time(self) -> float:
        return self._virtual.skipped


class VirtualClock:
    """The clock of the running VirtualLoop; `asked` counts the questions for the time of day."""

    asked = 0

    def now(self) -> datetime:
        self.asked += 1
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run(main: Callable[[], Coroutine[None, None, None]], busy: Callable[[], bool]) -> None:
    """Run the coroutine function `main` in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(busy)) as runner:
        runner.run(main())
