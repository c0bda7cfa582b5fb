"""Report on text captures: pages of the blog as other extractors write them, and what is read of each.

A capture is right if it shows every post of its page with equal values, refused if it is rejected or its
missing posts are noted, wrong otherwise. Values that an extractor dropped may be missing, none may differ.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.titles import flatten
from storage.model import Dump, Layout, Sighting

FOLDER = Path(__file__).parents[1] / "data" / "extracts"
BOUND = 1000  # characters of an excerpt without a known end

_ALWAYS = ("date", "month_day")
_PERHAPS = ("readers", "comments", "category", "tags", "archive_id", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of one capture: `verdict` is right, refused or wrong."""

    extractor: str
    page: str
    verdict: str
    reason: str = ""


@cache
def judgements() -> tuple[Judgement, ...]:
    """Parse every capture of the corpus."""
    expected: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "expected.json").read_text())
    return tuple(
        _judged(path, expected[path.stem])
        for path in sorted(FOLDER.glob("*/*.txt"))
        if path.parent.name != "pages"
    )


def _judged(path: Path, expected: Sequence[Mapping[str, Any]]) -> Judgement:
    dump = Dump(name=path.name, content=path.read_bytes(), captured_at=datetime(2026, 9, 1, tzinfo=UTC))
    extractor, page = path.parent.name, path.stem
    try:
        parsed_dump = read_dump(dump)
    except UnreadableDumpError as error:
        return Judgement(extractor=extractor, page=page, verdict="refused", reason=str(error))
    fault = fault_of(parsed_dump, expected)
    if fault:
        return Judgement(extractor=extractor, page=page, verdict="wrong", reason=fault)
    if len(parsed_dump.sightings) < len(expected):
        verdict = "refused" if parsed_dump.notes else "wrong"
        reason = "; ".join(map(str, parsed_dump.notes)) or "posts are missing without a note"
        return Judgement(extractor=extractor, page=page, verdict=verdict, reason=reason)
    return Judgement(extractor=extractor, page=page, verdict="right")


def fault_of(parsed_dump: ParsedDump, expected: Sequence[Mapping[str, Any]]) -> str:
    """Return the first value that differs from the page, empty if none does."""
    wanted = {flatten(str(post["title"])): post for post in expected}
    numbered = {post["archive_id"]: post for post in expected}
    for sighting in parsed_dump.sightings:
        post = wanted.get(flatten(sighting.title))
        if sighting.untitled:
            post = numbered.get(sighting.archive_id)
        if post is None:
            return f"{sighting.title!r} is no title of the page"
        if fault := _fault(sighting, post, parsed_dump.format):
            return f"{sighting.title}: {fault}"
    return ""


def _fault(sighting: Sighting, post: Mapping[str, Any], layout: Layout) -> str:
    shown: dict[str, Any] = json.loads(json.dumps(_fields(sighting), default=str))
    for name in (*_ALWAYS, *_PERHAPS):
        may_lack = name in _PERHAPS or sighting.untitled
        if shown[name] != post[name] and not (may_lack and shown[name] is None):
            return f"{name} is {shown[name]}, not {post[name]}"
    found, whole = _squeezed(sighting.excerpt or ""), _squeezed(str(post["excerpt"] or ""))
    if layout is Layout.POST_PAGE:
        if len(sighting.excerpt or "") > BOUND or not sighting.excerpt_partial:
            return "the excerpt of a whole article is not bounded"
        return "" if found.startswith(whole) or whole.startswith(found) else f"excerpt {sighting.excerpt!r}"
    return (
        ""
        if found == whole or (sighting.excerpt_partial and whole.startswith(found))
        else (f"excerpt {sighting.excerpt!r}, not {post['excerpt']!r}")
    )


def _fields(sighting: Sighting) -> dict[str, Any]:
    return {name: getattr(sighting, name) for name in (*_ALWAYS, *_PERHAPS)}


def _squeezed(excerpt: str) -> str:
    return "".join(flatten(excerpt).split())


def captures_section() -> str:
    """Return the section of the quality report on captures."""
    found = judgements()
    counts = Counter(one.verdict for one in found)
    lines = ["# Text captures", f"{len(found)} captures, {len({one.extractor for one in found})} extractors"]
    for verdict in ("right", "refused", "wrong"):
        lines.append(f"{verdict}: {counts[verdict]} = {counts[verdict] / len(found):.1%}")
    lines += [f"  {one.verdict} {one.extractor}/{one.page}: {one.reason}" for one in found if one.reason]
    return "\n".join(lines)
