"""The clockwork: jobs that do no work themselves but wake the tasks that do.

APScheduler cancels a running job when it is shut down, so nothing that must not be cut off runs inside one.
"""

from collections.abc import Callable
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler

TICK_SECONDS = 30  # how late a digest or a prune may begin


def make_schedule(
    *, scan: Callable[[], None], scan_seconds: float, tick: Callable[[], None]
) -> AsyncIOScheduler:
    """A scheduler, not started yet: `scan` every `scan_seconds`, `tick` every TICK_SECONDS."""
    schedule = AsyncIOScheduler(
        timezone=UTC,
        # The defaults would skip a job that is a second late, without a word.
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    schedule.add_job(_async(scan), "interval", seconds=scan_seconds, id="scan")
    schedule.add_job(_async(tick), "interval", seconds=TICK_SECONDS, id="tick")
    return schedule


def _async(wake: Callable[[], None]) -> Callable[[], object]:
    async def job() -> None:
        wake()

    return job
