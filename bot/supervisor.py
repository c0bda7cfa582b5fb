"""Task supervisor: keeps references to long-running tasks, restarts failed ones, stops on signals."""

import asyncio
import logging
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine

from storage.clock import Backoff

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0


async def wait_for(event: asyncio.Event, within: float) -> bool:
    """Wait at most `within` seconds for `event`; return whether it was set."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Set the event on SIGTERM, SIGINT and, unless under nohup, SIGHUP; a second signal exits at once."""

    def stop() -> None:
        if stopping.is_set():
            sys.exit(1)
        stopping.set()

    if sys.platform == "win32":  # its event loop handles none: Ctrl-C raises KeyboardInterrupt there
        return
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(name) is not signal.SIG_IGN:
            loop.add_signal_handler(name, stop)


class Supervisor:
    """Runs named tasks until `stop`; a task that raises is logged and restarted after a backoff."""

    def __init__(self, trouble: Callable[[str, Exception], None] = lambda _name, _error: None) -> None:
        """`trouble` is called for each failure of a task."""
        self._trouble = trouble
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._endless: set[str] = set()
        self._stopping = asyncio.Event()

    def start(self, name: str, work: Callable[[], Awaitable[None]], *, endless: bool = False) -> None:
        """Start a task; an `endless` one is only cancelled after all others have ended."""
        if endless:
            self._endless.add(name)
        self._tasks[name] = asyncio.get_running_loop().create_task(self._keep(name, work), name=name)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        backoff, loop = Backoff(FIRST_PAUSE, LONGEST_PAUSE), asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                return await work()
            except Exception as error:
                pause = backoff.fail(worked=loop.time() - started)
                log.exception("the task %s failed and is restarted in %.0f s", name, pause)
                self._trouble(name, error)
            if await wait_for(self._stopping, pause):
                return None

    def alive(self, name: str) -> bool:
        return name in self._tasks and not self._tasks[name].done()

    async def stop(self, seconds: float) -> None:
        """Wait up to `seconds` for the tasks to end, then cancel them; failed ones are not restarted."""
        self._stopping.set()
        ending = [task for name, task in self._tasks.items() if name not in self._endless]
        if ending:
            await asyncio.wait(ending, timeout=seconds)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


class BackgroundTasks:
    """Short tasks, referenced until they end; exceptions are logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task failed", exc_info=error)

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` for all to end; return how many did not."""
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        return len(late)

    async def cancel(self) -> None:
        """Cancel those that have not ended, and wait for their end."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


class Wakeable:
    """Base of workers that look for work after `wake`, until `stop`."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Signal that there may be work."""
        self._news.set()

    def stop(self) -> None:
        """Start no more work; work in progress is finished."""
        self._stopping = True
        self._news.set()


class TriggeredWorker(Wakeable, ABC):
    """Worker that calls `run_once` after each `wake`, until `stop`."""

    @abstractmethod
    async def run_once(self) -> object:
        """Do all pending work."""

    async def run(self) -> None:
        while not self._stopping:
            self._news.clear()  # before the work: a wake-up during it must not be lost
            await self.run_once()
            await self._news.wait()
