"""What is freed is given back, whichever thread used it: measured in a process of its own."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

GROWING = """
import threading
from pathlib import Path
from bot.ops.memory import limit_malloc_arenas

assert limit_malloc_arenas()
heaps = lambda: sum("-p 00000000 00:00 0" in line and int(line.split("-")[0], 16) % 2**26 == 0
                    for line in Path("/proc/self/maps").read_text().splitlines())
before = heaps()
ready, go = threading.Barrier(9), threading.Event()

def work():
    mine = [bytes(4000) for _ in range(500)]
    ready.wait()
    go.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
ready.wait()
print(heaps() - before)
go.set()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_threads_share_one_heap() -> None:
    done = subprocess.run([sys.executable, "-c", GROWING], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0, "heaps of threads begin at multiples of 64 MB"


SCATTERED = """
from pathlib import Path
from bot.ops.memory import trim_heap, limit_malloc_arenas

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

limit_malloc_arenas()
pieces = [bytes(20_000) for _ in range(2000)]
pieces = [piece for number, piece in enumerate(pieces) if number % 10 == 0]
before = resident()
assert trim_heap()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_is_free_between_what_is_used_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCATTERED], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 15, "of 36 MB that were freed"


RESTARTED = """
import sys
import click
from bot.ops.memory import restart_without_docstrings

restart_without_docstrings(click.__file__)
print(sys.flags.optimize, *sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("settings", "optimize"),
    [
        ({}, 2),
        ({"PYTHONOPTIMIZE": "0"}, 0),
        ({"PYTHONOPTIMIZE": "1"}, 1),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, 0),  # each start would compile all modules
    ],
)
def test_service_drops_docstrings_where_that_is_compiled_once(
    tmp_path: Path, settings: dict[str, str], optimize: int
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251
    environment = kept | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled"),
        **settings,
    }
    command = [sys.executable, "-c", RESTARTED, "run", "--new"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{optimize} run --new\n"


@pytest.mark.parametrize(
    ("command", "optimize"),
    [
        ([sys.executable, "-O", "-c", RESTARTED], 1),
        ([sys.executable, "-c", f"import sys; sys.executable = ''\n{RESTARTED}"], 0),  # `exec -a name`
        ([sys.executable, "-c", f"import sys; sys.executable = '/nowhere'\n{RESTARTED}"], 0),
        ([sys.executable, "-X", "pycache_prefix=/dev/null/x", "-c", RESTARTED], 0),
    ],
)
def test_service_starts_where_it_cannot_be_started_again(command: list[str], optimize: int) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251
    environment = kept | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{optimize}\n"
