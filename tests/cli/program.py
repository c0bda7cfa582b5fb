"""Calling the program in a folder, in this process or as one of its own, with its settings and no others."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from bot.cli import main
from tests.tools.databases import blank_in

PROGRAM = (sys.executable, "-m", "bot")
PATIENCE = 60.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """What a program sees that is started in `folder` with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_SYSTEM)}  # noqa: TID251
    return kept | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONOPTIMIZE": "2",  # as in the image
        "DATABASE_URL": blank_in(folder),
        "DUMP_DIR": str(folder / "dumps"),
        **settings,
    }


_SYSTEM = ("PATH", "HOME", "LANG", "LC_", "TMP", "TEMP", "LD_", "COVERAGE", "SYSTEMROOT")


def call(folder: Path, *arguments: str, typed: str = "", **settings: str) -> Result:
    """The command in this process, which is quicker than a program of its own."""
    return CliRunner().invoke(main, arguments, env=environment(folder, **settings), input=typed)


def program(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The whole life of the real program, with its input closed."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]
