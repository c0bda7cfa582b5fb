"""What is taken away from an installed environment is not missed."""

import importlib.machinery
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import pytest

from tests.tools.build_tools import build_tool

_SLIM_IMAGE = build_tool("slim_image")
slim, without_sections = _SLIM_IMAGE.slim, _SLIM_IMAGE.without_sections
slim_root, settle, recompile = _SLIM_IMAGE.slim_root, _SLIM_IMAGE.settle, _SLIM_IMAGE.recompile


def a_library() -> Path:
    """An extension module as its wheel brings it."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    named = [file for file in files("multidict") or [] if file.name.endswith(suffix)]
    if not named:
        pytest.skip("this build of multidict has no extension module")
    return Path(str(named[0].locate()))


@pytest.mark.skipif(sys.platform != "linux", reason="the image is a Linux image")
def test_a_library_without_its_sections_still_loads(tmp_path: Path) -> None:
    original = a_library()
    slimmer = without_sections(original.read_bytes())
    assert len(slimmer) < original.stat().st_size
    (tmp_path / original.name).write_bytes(slimmer)
    program = "import _multidict; print(_multidict.__file__, _multidict.MultiDict(a=1)['a'])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(tmp_path / original.name), "1"]
    assert without_sections(slimmer) == slimmer


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01 32 bits", b"MZ", b"#!/bin/sh\n"])
def test_other_files_are_left_alone(content: bytes) -> None:
    assert without_sections(content) == content


def test_takes_sources_tests_and_other_locales_away(tmp_path: Path) -> None:
    kept = ["a/__init__.py", "a/data.json", "babel/locale-data/zh_Hans.dat", "babel/locale-data/root.dat"]
    kept += ["pygments/lexers/_mapping.py", "pygments/style.py"]
    taken = [
        "a/fast.c",
        "a/fast.pyx",
        "a/tests/test_a.py",
        "babel/locale-data/de.dat",
        "babel/locale-data/enq.dat",
    ]
    for name in kept + taken:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1234")
    assert slim(tmp_path) == 4 * len(taken)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)


def test_unused_dialects_are_taken_with_their_imports(tmp_path: Path) -> None:
    for name in (
        "sqlalchemy/dialects/mysql/base.py",
        "sqlalchemy/dialects/sqlite/base.py",
        "alembic/ddl/mssql.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    init = tmp_path / "alembic" / "ddl" / "__init__.py"
    init.write_text("from . import mssql\nfrom . import sqlite\nfrom .impl import DefaultImpl\n")
    slim(tmp_path)
    assert init.read_text() == "from . import sqlite\nfrom .impl import DefaultImpl\n"
    assert [path.name for path in (tmp_path / "sqlalchemy" / "dialects").iterdir()] == ["sqlite"]
    assert not (tmp_path / "alembic" / "ddl" / "mssql.py").exists()


def test_a_root_loses_installers_and_programs_that_change_users(tmp_path: Path) -> None:
    kept = ["usr/bin/sh", "etc/passwd", "usr/local/lib/python3.13/os.py"]
    taken = [
        "usr/bin/apt-get",
        "usr/local/lib/python3.13/site-packages/pip/x",
        "usr/local/include/a.h",
        "usr/bin/su",
    ]
    for name in kept + taken:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1234")
    (tmp_path / "usr" / "bin" / "su").chmod(0o4755)
    assert slim_root(tmp_path) == 4 * len(taken)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)
    settle(tmp_path, 1_000_000_000)
    assert {path.lstat().st_mtime for path in (tmp_path, *tmp_path.rglob("*"))} == {1_000_000_000}


def test_compiled_modules_hold_no_time(tmp_path: Path) -> None:
    source, cache = tmp_path / "m.py", tmp_path / "cache"
    source.write_text("VALUE = 1")
    compiled = cache / tmp_path.relative_to("/") / f"m.{sys.implementation.cache_tag}.pyc"
    compiled.parent.mkdir(parents=True)
    compiled.write_bytes(b"")
    recompile(cache)
    first = compiled.read_bytes()
    source.touch()
    recompile(cache)
    assert compiled.read_bytes() == first
    assert first[4:8] == b"\x01\x00\x00\x00"  # PEP 552: hash-based, unchecked
