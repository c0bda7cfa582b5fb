"""The software bill of materials: what a lock file installs, and who needs what, as CycloneDX 1.6 JSON.

Made of the lock and pyproject.toml alone, so that the same lock gives the same bytes: no serial number and no
time (CycloneDX asks for neither). Knows only the standard library and lock.py.
"""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bot.ops.lock import entries_for, entries_in, roots_of

_VERSION = re.compile(r"==([^\s;\\]+)(?:\s*;\s*([^\\\n]+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]+)")


def bill(lock: str, project: Mapping[str, Any], extras: Collection[str]) -> dict[str, Any]:
    """The bill of `project` with `extras`; each entry of the lock is a component, its marker a property.

    A component's SHA-256 are those of all its files that the lock lets in.
    """
    roots = roots_of(project, extras)
    entries = list(entries_in(entries_for(lock, roots)))
    own = _reference(project["name"], project["version"])
    references: dict[str, list[str]] = {}
    components, needs = [], {own: {root for root in roots if root in {name for name, _, _ in entries}}}
    for name, _, text in entries:
        component = _component(name, text)
        components.append(component)
        references.setdefault(name, []).append(component["bom-ref"])
        needs[component["bom-ref"]] = {other for other, needed_by, _ in entries if name in needed_by}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(each for name in names for each in references[name])}
            for ref, names in sorted(needs.items())
        ],
    }


def _component(name: str, text: str) -> dict[str, Any]:
    found = _VERSION.search(text)
    if found is None:
        raise ValueError(f"{name} has no version in the lock")
    version, marker = found[1], (found[2] or "").strip()
    reference = _reference(name, version)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(_HASH.findall(text))],
    }
    if marker:
        component["properties"] = [{"name": "python:marker", "value": marker}]
    return component


def _reference(name: str, version: str) -> str:
    """A package URL (github.com/package-url/purl-spec)."""
    return f"pkg:pypi/{name}@{version}"


def main() -> None:
    """`python -m bot.ops.sbom LOCK [--project FILE] [--extra NAME]…` prints the bill."""
    arguments = argparse.ArgumentParser(description="the software bill of materials, CycloneDX JSON")
    arguments.add_argument("lock", type=Path)
    arguments.add_argument("--project", type=Path, default=Path("pyproject.toml"))
    arguments.add_argument("--extra", action="append", default=[], help="an extra of the project")
    given = arguments.parse_args()
    project = tomllib.loads(given.project.read_text("utf-8"))["project"]
    made = bill(given.lock.read_text("utf-8"), project, given.extra)
    sys.stdout.write(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
