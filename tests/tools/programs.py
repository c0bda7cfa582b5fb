"""The program as a separate process, forked from one that has imported everything.

For signals, stops and requests it equals the process of `python -m bot`, without two seconds of
importing. That those work too is for tests/cli, which starts some from nothing.
"""

import multiprocessing
import os
import resource
import signal
import subprocess
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["bot.cli", "bot.cli.run", "bot.cli.check", "asyncpg", "storage.migrate"])


class Program:
    """A running or ended process, with the verbs of subprocess.Popen."""

    def __init__(self, process: ForkServerProcess, arguments: tuple[str, ...]) -> None:
        self._process = process
        self._arguments = arguments

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    def poll(self) -> int | None:
        """The exit code, if it has ended; minus the signal that killed it."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0)
        return code

    def send_signal(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)


def started(
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    largest_file: int | None = None,
    open_files: int | None = None,
) -> Program:
    """Start `kexue-bot` with these arguments in `folder`; its output is appended to `log`.

    Its files may grow to `largest_file` bytes, and it may have `open_files` of them open.
    """
    log.touch()
    process = _FORKS.Process(
        target=_live,
        args=(arguments, folder, dict(environment), log, largest_file, open_files),
        daemon=True,
    )
    process.start()
    return Program(process, arguments)


def _live(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    log: Path,
    largest_file: int | None,
    open_files: int | None,
) -> None:
    os.chdir(folder)
    os.environ.clear()  # noqa: TID251 - of a separate program
    # The process cannot start itself again: its command line is the fork server's.
    os.environ.update({"PYTHONOPTIMIZE": "0"} | environment)  # noqa: TID251
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if open_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    from bot.cli import main

    main(list(arguments), prog_name="kexue-bot")
