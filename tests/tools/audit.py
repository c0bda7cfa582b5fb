"""`python -m tests.tools.audit PIP_AUDIT`: what is known against the locked versions.

Ends with 0 if nothing is, with 1 if something is, with 3 if it could not be asked for every package: a check
that reached no data source must not look like a clean one.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

CLEAN, KNOWN, UNASKED = 0, 1, 3
SERVICES = ("pypi", "osv")


def verdict(report: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The exit code for a report of pip-audit, and the lines that say why."""
    packages = report["dependencies"]
    known = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions'])}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if known:
        return KNOWN, known
    if skipped or not packages:
        return UNASKED, [f"{len(skipped)} of {len(packages)} packages could not be asked about"]
    return CLEAN, [f"nothing is known against {len(packages)} packages"]


def ask(program: str, service: str) -> tuple[int, list[str]]:
    command = [program, "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    ran = subprocess.run(
        [*command, "--vulnerability-service", service, "-r", "requirements.lock"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    try:
        return verdict(json.loads(ran.stdout))
    except (ValueError, KeyError):
        last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return UNASKED, [f"not reachable: {last[:200]}"]


def main(program: str) -> int:
    for service in SERVICES:
        code, lines = ask(program, service)
        for line in lines:
            sys.stdout.write(f"{service}: {line}\n")
        if code != UNASKED:
            return code
    sys.stdout.write("NOT AUDITED: no service could be asked\n")
    return UNASKED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
