"""The folder in which the program is called."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.dumps import ARCHIVE, HOME, land, listing


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the program is called: with two dumps and room for a database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dumps").mkdir()
    land(tmp_path / "dumps", "a.txt", HOME)
    land(tmp_path / "dumps", "b.txt", listing(*ARCHIVE))
    return tmp_path


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The program sets the root logger up; here it must be as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
