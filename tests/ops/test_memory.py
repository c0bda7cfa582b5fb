"""What is freed is given back, whichever thread used it: measured in a process of its own."""

import platform
import subprocess
import sys

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
