"""Memory of the idle service with many chats: `python -m tests.bench idle`.

`--tree=PATH` measures that checkout: installed in its own `.venv`, filled by its own code.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.fan_out import Figures
from tests.bench.live_bot import living
from tests.bench.server_process import ROOT, serving

CHATS = 100_000
POSTS = 1500
IDLE_SECONDS = 20.0
PLAIN: dict[str, Any] = {"pythondontwritebytecode": ""}  # compiled modules are kept, as by default
DEPLOYED = {"pythonoptimize": 2, "malloc_arena_max": 1}  # of the image and the unit of `kexue-bot init`
FILL = """
import asyncio, sys
from pathlib import Path
from tests.bench.fill import filled
async def fill(file, posts, chats):
    await (await filled(Path(file), posts=int(posts), subscribers=int(chats))).close()
asyncio.run(fill(*sys.argv[1:]))
"""


def idling(trees: Mapping[str, Path], *, times: int) -> dict[str, Figures]:
    """Resident and private memory after IDLE_SECONDS by tree; of this one also with the settings of DEPLOYED.

    The median of several starts.
    """
    with serving(core=1) as server:
        return {
            f"{name}{', as deployed' if settings != PLAIN else ''}": _idle(server.url, tree, times, settings)
            for name, tree in trees.items()
            for settings in ((PLAIN, PLAIN | DEPLOYED) if tree == ROOT else (PLAIN,))
        }


def _idle(url: str, tree: Path, times: int, settings: Mapping[str, Any]) -> Figures:
    python = Path(sys.executable) if tree == ROOT else tree / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "bench.db"
        command = ["env", f"PYTHONPATH={tree}", str(python), "-c", FILL, str(file), str(POSTS), str(CHATS)]
        subprocess.run(command, cwd=tree, check=True)
        seen = []
        for _ in range(times + 1):  # the first start compiles
            with living(file.parent, url, tree=tree, python=python, **settings) as service:
                time.sleep(IDLE_SECONDS)
                seen.append({"memory_mb": service.memory_mb, "private_mb": service.private_mb})
    return {key: median(look[key] for look in seen[1:]) for key in seen[0]}
