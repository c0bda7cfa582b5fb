"""Periodic maintenance."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.maintenance import Backup, Maintenance
from bot.ops.backup import copies
from storage.clock import SystemClock
from storage.database import Database


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
