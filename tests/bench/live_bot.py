"""The service as a separate process, `python -m bot run`, against the bench's Bot API server."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.fill import url_of
from tests.bench.server_process import ROOT, TOKEN

SECRET = "bench-secret"
PATH = "/updates"
PATIENCE = 120.0  # seconds until it is ready
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    """A running service: the address for updates, the address of its metrics, and its resource use."""

    process: subprocess.Popen[bytes]
    webhook_port: int
    http_port: int
    seconds_to_ready: float

    @property
    def processor_seconds(self) -> float:
        """Return its processor time in seconds."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory_mb(self) -> float:
        """What is resident now."""
        return int(self._proc("statm").split()[1]) * PAGE_MB

    @property
    def private_mb(self) -> float:
        """What only this process has (USS)."""
        lines = self._proc("smaps_rollup").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def figures(self) -> str:
        """The text of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def figure(self, name: str) -> float:
        """The value of a sample without labels."""
        line = next(line for line in self.figures().splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def living(
    folder: Path,
    url: str,
    *,
    core: int | None = None,
    tree: Path = ROOT,
    python: Path = Path(sys.executable),
    **settings: object,
) -> Iterator[Living]:
    """The service with `folder`/bench.db and `folder`/dumps, ready; `settings` go into its environment."""
    webhook, http = free_port(), free_port()
    (folder / "dumps").mkdir(exist_ok=True)
    given = {
        "bot_token": TOKEN,
        "bot_api_url": url,
        "database_url": url_of(folder / "bench.db"),
        "dump_dir": folder / "dumps",
        "http_port": http,
        "webhook_url": f"http://127.0.0.1:{webhook}{PATH}",
        "webhook_host": "127.0.0.1",
        "webhook_port": webhook,
        "webhook_secret": SECRET,
        "log_level": "WARNING",
    } | settings
    words = [f"{name.upper()}={value}" for name, value in given.items()]
    command = ["env", f"PYTHONPATH={tree}", *words, str(python), "-m", "bot", "run"]
    if core is not None and (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", str(core), *command]
    begun = time.perf_counter()
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, cwd=folder)
    try:
        until_ready(process, http)
        yield Living(
            process=process,
            webhook_port=webhook,
            http_port=http,
            seconds_to_ready=time.perf_counter() - begun,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait for /readyz to say so."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.01)
    raise RuntimeError(f"the service did not become ready (exit code {process.poll()})")
