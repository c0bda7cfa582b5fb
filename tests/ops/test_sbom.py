"""The bill of materials names everything that the lock installs, the same each time."""

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from bot.ops.sbom import bill
from tests.ops.test_lock import LOCK, ROOT

PROJECT: dict[str, Any] = {
    "name": "kexue-bot", "version": "1.2", "description": "a bot", "license": "MIT",
    "dependencies": ["apple>=1"], "optional-dependencies": {"more": ["cherry"]},
}  # fmt: skip


def test_a_bill_of_a_small_lock() -> None:
    made = bill(LOCK, PROJECT, ["more"])
    assert [(part["name"], part["version"]) for part in made["components"]] == [
        ("apple", "1"), ("bean-sprout", "2"), ("bean-sprout", "3"), ("cherry", "4"), ("date", "5"),
    ]  # fmt: skip
    apple, sprout, *_ = made["components"]
    assert [each["content"] for each in apple["hashes"]] == ["aa", "ab"]
    assert sprout["properties"] == [{"name": "python:marker", "value": "python_version < '3.12'"}]
    needs = {each["ref"].removeprefix("pkg:pypi/"): each["dependsOn"] for each in made["dependencies"]}
    assert needs == {
        "kexue-bot@1.2": ["pkg:pypi/apple@1", "pkg:pypi/cherry@4"],
        "apple@1": ["pkg:pypi/bean-sprout@2", "pkg:pypi/bean-sprout@3"],
        "cherry@4": ["pkg:pypi/bean-sprout@2", "pkg:pypi/bean-sprout@3"],
        "bean-sprout@2": ["pkg:pypi/date@5"],
        "bean-sprout@3": ["pkg:pypi/date@5"],
        "date@5": [],
    }


def test_an_extra_that_is_not_installed_is_not_in_it() -> None:
    assert "cherry" not in {part["name"] for part in bill(LOCK, PROJECT, [])["components"]}


def test_a_line_without_a_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="apple"):
        bill("apple\n    # via kexue-bot (pyproject.toml)\n", PROJECT, [])


def test_the_bill_of_this_project_is_the_same_each_time_and_names_no_address() -> None:
    command = [sys.executable, "-m", "bot.ops.sbom", "requirements.lock", "--extra", "postgres"]
    first, again = (subprocess.run(command, cwd=ROOT, capture_output=True, check=True) for _ in range(2))
    assert first.stdout == again.stdout
    assert b"://" not in first.stdout
    made = json.loads(first.stdout)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert made["metadata"]["component"]["version"] == project["version"]
    assert {"aiohttp", "asyncpg", "httpx"} <= {part["name"] for part in made["components"]}
    known = {part["bom-ref"] for part in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    assert {each["ref"] for each in made["dependencies"]} == known
    assert {need for each in made["dependencies"] for need in each["dependsOn"]} <= known
