"""The compose files: limits of every service, and a stop that is given its time."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ("docker-compose",) if shutil.which("docker-compose") else ("docker", "compose")
INSTALLATIONS: dict[tuple[str, ...], set[str]] = {
    ("compose.yaml",): {"bot"},
    ("compose.yaml", "compose.web.yaml"): {"bot", "room"},
    ("compose.yaml", "compose.postgres.yaml"): {"bot", "second", "password", "postgres", "proxy"},
}


def services(files: tuple[str, ...], folder: Path) -> dict[str, dict[str, Any]]:
    """The services as Compose understands them."""
    for name in files:
        shutil.copy(ROOT / name, folder)
    environment = (
        "BOT_TOKEN=1:x\nDOMAIN=bot.example.org\nDATABASE_URL=postgresql+asyncpg://kexue@postgres/kexue\n"
    )
    (folder / ".env").write_text(environment)
    words = [*COMPOSE, *(word for name in files for word in ("-f", name)), "config", "--format", "json"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("Docker Compose is not installed")
    if "unknown command" in done.stderr or "unknown shorthand flag" in done.stderr:
        pytest.skip("Docker has no Compose here")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.parametrize("files", INSTALLATIONS, ids="+".join)
def test_every_service_is_limited(files: tuple[str, ...], tmp_path: Path) -> None:
    found = services(files, tmp_path)
    assert found.keys() == INSTALLATIONS[files]
    for name, service in found.items():
        assert service["read_only"], name
        assert all("size=" in mount for mount in service["tmpfs"]), name
        assert int(service["mem_limit"]) <= 2**30, name
        assert service["pids_limit"] <= 200, name
        assert service["ulimits"]["nofile"] <= 4096, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["stop_grace_period"], name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert re.search(r":[\d.]+|^kexue-bot:", service["image"]), name


def test_a_stop_is_given_more_time_than_it_takes() -> None:
    """Service.stop waits 5 seconds more than STOP_SECONDS and then closes what is open."""
    needed = Settings.stop_seconds + 10
    (given,) = re.findall(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text("utf-8"))
    (unit,) = re.findall(r"TimeoutStopSec=(\d+)", (ROOT / "bot/cli/init.py").read_text("utf-8"))
    assert int(given) >= needed
    assert int(unit) >= needed
