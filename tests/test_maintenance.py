"""Periodic maintenance."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.maintenance import FIRST_SECONDS, Backup, Maintenance
from bot.ops.backup import copies
from storage.clock import SystemClock
from storage.database import Database
from storage.engine import EPOCH
from storage.model import DeliveryKind, Priority, State
from storage.schema import deliveries


@pytest.mark.parametrize(
    ("ages", "made"),
    [([], 1), ([1], 0), ([30, 5], 0), ([72, 49, 25], 1), ([80, 60, 40, 20], 0)],
    ids=["the first", "one of today", "an old one too", "all old", "many"],
)
@pytest.mark.sqlite_only
async def test_one_copy_a_day(database: Database, tmp_path: Path, ages: list[int], made: int) -> None:
    clock, told = SystemClock(), list[float]()
    source, folder = tmp_path / "kexue.db", tmp_path / "copies"
    folder.mkdir()
    for hours in ages:
        at = clock.now() - timedelta(hours=hours)
        old = folder / f"kexue-{at:%Y%m%dT%H%M%SZ}.db"
        old.write_bytes(b"")
        os.utime(old, (at.timestamp(), at.timestamp()))
    keeper = Maintenance(
        database,
        clock,
        max_age=timedelta(days=14),
        keep=timedelta(days=90),
        backup=Backup(source=source, folder=folder, keep=7),
        backed_up=told.append,
    )
    at_start = clock.now().timestamp() - 3600 * min(ages) if ages else 0.0
    assert told == [pytest.approx(at_start, abs=60)], "as the copies say, before anything is copied"
    await keeper.prune()
    assert len(copies(source, folder)) == len(ages) + made
    assert clock.now().timestamp() - told[-1] == pytest.approx(0 if made else 3600 * min(ages), abs=60)


class Shifted(SystemClock):
    """A clock whose monotonic time is set."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("seconds", "left"), [((0,), 1), ((0, FIRST_SECONDS - 1), 1), ((0, FIRST_SECONDS), 0)]
)
async def test_the_history_is_not_read_at_the_start(
    database: Database, seconds: tuple[float, ...], left: int
) -> None:
    """It is pruned some minutes later: reading millions of deliveries would slow the start down."""
    clock = Shifted()
    old = {"destination_id": 1, "duty": "notice:1", "kind": DeliveryKind.NOTICE, "state": State.CANCELLED,
           "priority": Priority.POST, "due_at": EPOCH, "created_at": EPOCH, "updated_at": EPOCH}  # fmt: skip
    await database.write(lambda tx: tx.outbox._connection.execute(insert(deliveries).values(**old)))
    keeper = Maintenance(database, clock, max_age=timedelta(days=14), keep=timedelta(days=90))
    for clock.at in seconds:
        await keeper.run_once()
    assert sum((await database.read(lambda tx: tx.outbox.counts())).values()) == left
