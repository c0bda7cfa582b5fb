"""Databases of installations that move: an old one, a new one, and everything that is in them."""

from pathlib import Path
from typing import Any

from storage.copy import TABLES
from tests.conftest import stocked
from tests.tools.databases import Kind, blank_in, kind_in_use, rows, url_in


def blank(kind: Kind, folder: Path) -> str:
    with kind_in_use(kind):
        return blank_in(folder, "new.db")


def old_one(kind: Kind, folder: Path) -> str:
    with kind_in_use(kind):
        return url_in(folder, "old.db", filled=stocked)


def everything(url: str) -> dict[str, list[Any]]:
    """All rows of all tables, as numbers and words."""
    shown: dict[str, list[Any]] = {}
    for table in TABLES:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        found = rows(url, f'SELECT {columns} FROM "{table.name}" ORDER BY {keys}')
        shown[table.name] = [[_plain(value) for value in row] for row in found]
    return shown


def _plain(value: object) -> object:
    return str(value) if hasattr(value, "isoformat") else int(value) if isinstance(value, bool) else value
