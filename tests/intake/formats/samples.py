"""Sample dumps of this repository and functions to parse them in tests."""

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.intake.dump_folder import captures_in
from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.site_profile import KEXUE
from storage.model import Dump, Sighting

FOLDER = Path(__file__).parents[2] / "data" / "dumps"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".txt", ".xml", ".html"})
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def read(content: bytes | str, name: str = "a dump") -> ParsedDump:
    raw = content.encode() if isinstance(content, str) else content
    return read_dump(Dump(name=name, content=raw, captured_at=datetime(2026, 9, 1, tzinfo=UTC)))


def unpacked(content: bytes, name: str = "file") -> list[Dump]:
    """Return the captures in a file with this content."""
    dump = Dump(name=name, content=b"", captured_at=datetime(2026, 9, 1, tzinfo=UTC))
    return list(captures_in(io.BytesIO(content), dump, len(content), KEXUE))


def read_or_reason(content: bytes) -> ParsedDump | str:
    """Return the parsed dump, or the reason in one line."""
    try:
        return read(content)
    except UnreadableDumpError as unreadable:
        return str(unreadable)


def texts(reading: ParsedDump) -> list[str]:
    """Return the notes of a parsed dump as text."""
    return [note.text for note in reading.notes]


def as_json(sighting: Sighting) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(json.dumps(asdict(sighting), default=str))
    for mark in ("excerpt_partial", "tags_partial", "untitled"):
        if not shown[mark]:
            del shown[mark]
    return shown
