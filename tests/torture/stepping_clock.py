"""`python -m tests.torture.stepping_clock run`: the program with a wall clock that a file sets.

The file `clock` in the working folder holds the seconds by which the clock is ahead.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli import main
from storage.clock import SystemClock

FILE = Path("clock")


def now(_self: SystemClock) -> datetime:
    """The time of day with the seconds in `FILE` added."""
    try:
        ahead = float(FILE.read_text())
    except (FileNotFoundError, ValueError):  # just being written
        ahead = 0.0
    return datetime.now(UTC) + timedelta(seconds=ahead)


if __name__ == "__main__":
    setattr(SystemClock, now.__name__, now)
    main(prog_name="kexue-bot")
