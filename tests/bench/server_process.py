"""The bench's Bot API server as a separate process, and its counters."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN = "1:" + "b" * 35
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Serving:
    """A running server; `floods` is known once it has ended."""

    url: str
    log: Path | None
    floods: int = 0

    def taken(self) -> list[dict[str, Any]]:
        """Every message it took, in order; a line still being written is left out."""
        if self.log is None or not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_bytes().split(b"\n")[:-1]]

    def count(self) -> int:
        """How many messages it took."""
        return self.log.read_bytes().count(b"\n") if self.log is not None and self.log.exists() else 0


@contextmanager
def serving(
    log: Path | None = None, *, port: int = 0, core: int | None = None, **knobs: Any
) -> Iterator[Serving]:
    """A server with these knobs (tests.bench.traffic), on processor `core` if given."""
    words = [f"{name}={_word(value)}" for name, value in knobs.items()]
    command = [sys.executable, "-m", "tests.bench.server", str(port), str(log or ""), *words]
    if core is not None and (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    server = Serving(f"http://127.0.0.1:{process.stdout.readline().strip()}", log)
    try:
        yield server
    finally:
        process.stdin.close()
        server.floods = int(process.stdout.readline().strip() or 0)
        process.stdout.close()
        process.wait(10)


def _word(value: object) -> str:
    match value:
        case bool():
            return str(int(value))
        case set() | frozenset() | list() | tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
