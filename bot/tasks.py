"""Long-running tasks that are kept: referenced, started again when they fail, awaited at the end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0


class Supervisor:
    """Runs named tasks until `stop`; a task that raises is logged and started again."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.failures: dict[str, int] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks[name] = asyncio.get_running_loop().create_task(self._keep(name, work), name=name)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                return await work()
            except Exception:
                self.failures[name] = self.failures.get(name, 0) + 1
                log.exception("the task %s failed and is started again in %.0f s", name, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def alive(self, name: str) -> bool:
        return name in self._tasks and not self._tasks[name].done()

    async def stop(self, seconds: float) -> None:
        """Wait up to `seconds` for the tasks to end by themselves, then cancel them."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks.values(), timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
