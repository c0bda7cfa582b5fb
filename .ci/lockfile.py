"""Picks from a lock file the entries that a set of packages needs, hashes and all.

The lock holds every extra; an image wants some of them. Runs before anything is installed, so it knows only
the standard library. It trusts the lock's own `# via` notes: should one be wrong, pip refuses to install.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def entries_for(lock: str, roots: Collection[str]) -> str:
    """Return the entries of `lock` that `roots` need, in its order. Raises KeyError for a missing root."""
    entries = list(entries_in(lock))
    locked = {name for name, _, _ in entries}
    wanted = {_key(root) for root in roots}
    if missing := wanted - locked:
        raise KeyError(f"not in the lock: {', '.join(sorted(missing))}")
    while more := {name for name, needed_by, _ in entries if needed_by & wanted} - wanted:
        wanted |= more
    return "".join(text for name, _, text in entries if name in wanted)


def roots_of(project: Mapping[str, Any], extras: Collection[str]) -> list[str]:
    """Return the names that a pyproject.toml's `project` table requires, with those of `extras`."""
    optional = project.get("optional-dependencies", {})
    asked = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    return [_key(text) for text in asked]


def entries_in(lock: str) -> Iterator[tuple[str, set[str], str]]:
    """Each entry's name, who needs it, and its lines: an entry begins where a line is not indented."""
    for text in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if _NAME.match(text):
            _, _, notes = text.partition("# via")
            needed_by = {_key(word) for line in notes.splitlines() if (word := line.strip("# \t"))}
            yield _key(text), needed_by, text


def _key(text: str) -> str:
    """Return the normal form of the package's name at the beginning of `text`."""
    found = _NAME.match(text)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def main() -> None:
    """`LOCK [--project FILE] [--extra NAME]… [--without NAME]… [--only NAME]…` prints the entries."""
    arguments = argparse.ArgumentParser(description="the entries of a lock file that are needed")
    arguments.add_argument("lock", type=Path)
    arguments.add_argument("--project", type=Path, default=Path("pyproject.toml"))
    arguments.add_argument("--extra", action="append", default=[], help="an extra of the project")
    arguments.add_argument("--only", action="append", default=[], help="a package, in place of the project")
    arguments.add_argument("--without", action="append", default=[], help="a package that is not wanted")
    given = arguments.parse_args()
    roots = given.only or roots_of(tomllib.loads(given.project.read_text("utf-8"))["project"], given.extra)
    sys.stdout.write(entries_for(given.lock.read_text("utf-8"), {*roots} - {*given.without}))


if __name__ == "__main__":
    main()
