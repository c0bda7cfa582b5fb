"""Wheel and sdist: complete, reproducible, and runnable where only they are installed."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EPOCH = "1790000000"  # the time stamp of every member, in Unix seconds
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "bot", "storage", ".ci", ".gitignore")


def build(source: Path, target: Path) -> dict[str, str]:
    """Build both distributions of `source` into `target`; return their SHA-256 by name."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    subprocess.run(
        command,
        cwd=source,
        check=True,
        capture_output=True,
        env={"PATH": os.defpath, "SOURCE_DATE_EPOCH": EPOCH},
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in target.iterdir()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the distributions are made of."""
    folder = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__", "*.mo")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with a wheel and an sdist."""
    target = tmp_path_factory.mktemp("dist")
    build(source, target)
    return target


def test_two_builds_are_byte_identical(source: Path, built: Path, tmp_path: Path) -> None:
    first = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in built.iterdir()}
    assert len(first) == 2
    assert build(source, tmp_path) == first


def test_the_sdist_holds_nothing_but_the_project(source: Path, built: Path, tmp_path: Path) -> None:
    notes = source / "notes"
    notes.mkdir()
    (notes / "token").write_text("1:x", encoding="utf-8")
    build(source, tmp_path)
    shutil.rmtree(notes)
    (first,), (second,) = built.glob("*.tar.gz"), tmp_path.glob("*.tar.gz")
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as opened:
        names = {name.split("/")[1] for name in opened.getnames()}
    assert names == {*SOURCES, "PKG-INFO"}


def test_the_wheel_holds_compiled_catalogues_and_all_modules(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("bot/**/*.py")}
    assert modules <= names
    assert "bot/messages/locales/en/LC_MESSAGES/kexue.mo" in names
    assert not [name for name in names if name.endswith(".po")]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_demo_runs_from_an_installation(built: Path, tmp_path: Path, kind: str) -> None:
    """The sdist is built into a wheel first, as an installer does."""
    if kind == "sdist":
        (archive,) = built.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(tmp_path / "unpacked", filter="data")
        (unpacked,) = (tmp_path / "unpacked").iterdir()
        build(unpacked, tmp_path / "rebuilt")
        (wheel,) = (tmp_path / "rebuilt").glob("*.whl")
    else:
        (wheel,) = built.glob("*.whl")
    site = tmp_path / "site"
    offline = ("--quiet", "--no-index", "--no-deps")
    pip = (sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(wheel))
    subprocess.run(pip, check=True, timeout=60)
    program = "import sys, bot; assert bot.__file__.startswith(sys.argv.pop(1)); from bot.cli import main"
    program += "; sys.modules['babel'] = None"  # a tool of the build, which an installation lacks
    ran = subprocess.run(
        [sys.executable, "-P", "-c", f"{program}; main()", str(site), "demo"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.defpath, "PYTHONPATH": str(site), "PYTHONUTF8": "1"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "kexue-bot" in ran.stdout
