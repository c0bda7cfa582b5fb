"""The lock of the image: only the needed entries, each with its hashes."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tools.build_tools import build_tool

ROOT = Path(__file__).parents[2]
_LOCKFILE = build_tool("lockfile")
entries_for, roots_of = _LOCKFILE.entries_for, _LOCKFILE.roots_of
LOCK = """\
# a remark of the tool
apple==1 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via kexue-bot (pyproject.toml)
bean-sprout==2 ; python_version < '3.12' \\
    --hash=sha256:ba
    # via
    #   apple
    #   cherry
bean-sprout==3 ; python_version >= '3.12' \\
    --hash=sha256:bb
    # via
    #   apple
    #   cherry
cherry==4 \\
    --hash=sha256:ca
    # via kexue-bot (pyproject.toml)
date==5 \\
    --hash=sha256:da
    # via bean-sprout
"""


@pytest.mark.parametrize(
    ("roots", "versions"),
    [
        ({"apple"}, "1235"),
        ({"cherry"}, "2345"),
        ({"Bean_Sprout"}, "235"),
        ({"date"}, "5"),
        (set(), ""),
    ],
)
def test_follows_needs_downwards_only(roots: set[str], versions: str) -> None:
    lines = entries_for(LOCK, roots).splitlines()
    assert "".join(line.split("==")[1][0] for line in lines if "==" in line and line[0] != " ") == versions


def test_entries_keep_markers_and_hashes() -> None:
    assert entries_for(LOCK, {"date"}) == LOCK[LOCK.index("date") :]
    assert "python_version < '3.12'" in entries_for(LOCK, {"bean-sprout"})


def test_a_root_that_is_not_locked_is_an_error() -> None:
    with pytest.raises(KeyError, match="elder"):
        entries_for(LOCK, {"apple", "elder"})


@pytest.mark.parametrize(
    ("extras", "there", "absent"),
    [
        ([], {"aiohttp", "greenlet", "httpx"}, {"asyncpg", "matplotlib", "numpy"}),
        (["postgres"], {"aiohttp", "asyncpg"}, {"matplotlib", "numpy", "pillow"}),
        (["pictures"], {"aiohttp", "matplotlib", "numpy", "pillow"}, {"asyncpg"}),
    ],
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, list) else None,
)
def test_the_lock_of_this_project(extras: list[str], there: set[str], absent: set[str]) -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    picked = entries_for(lock, roots_of(project, extras))
    names = {line.split("==")[0] for line in picked.splitlines() if line[:1].isalpha()}
    assert there <= names
    assert not absent & names


def test_all_extras_need_the_whole_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert entries_for(lock, roots_of(project, list(project["optional-dependencies"]))) == lock


def test_a_package_may_be_left_out() -> None:
    words = ["requirements.lock", "--extra", "pictures", "--without", "manimgx-fonts-cjk"]
    program = [sys.executable, ".ci/lockfile.py", *words]
    printed = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "\nmatplotlib==" in printed
    assert "manimgx" not in printed
