"""The sample dumps of this repository and how tests read them."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.intake.formats import ParsedDump, UnreadableDumpError, read_dump
from storage.model import Dump, Sighting

FOLDER = Path(__file__).parents[2] / "data" / "dumps"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".txt", ".xml", ".html"})
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def read(content: bytes | str, name: str = "a dump") -> ParsedDump:
    raw = content.encode() if isinstance(content, str) else content
    return read_dump(Dump(name=name, content=raw, captured_at=datetime(2026, 9, 1, tzinfo=UTC)))


def read_or_reason(content: bytes) -> ParsedDump | str:
    """What the intake sees of any bytes at all: a reading, or one line."""
    try:
        return read(content)
    except UnreadableDumpError as unreadable:
        return str(unreadable)


def as_json(sighting: Sighting) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(json.dumps(asdict(sighting), default=str))
    return shown
