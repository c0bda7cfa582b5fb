"""Formula collections: the hand-written table, and all formulas of the dumps."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bot.intake.formats.detect import read_dump
from bot.render.document import (
    Block,
    Bold,
    DisplayFormula,
    Formula,
    Inline,
    Italic,
    Items,
    Link,
    Preformatted,
    Quote,
)
from bot.render.excerpt import excerpt_body
from storage.model import Dump
from tests.tools.shared import SHARED

_DATA = Path(__file__).parents[1] / "data"


@cache
def table(name: str) -> tuple[tuple[str, str], ...]:
    """Return source and result of a table of `tests/data`; ⏎ in a source is a line end."""
    rows = (row.split("\t") for row in (_DATA / name).read_text(encoding="utf-8").splitlines())
    return tuple((tex.replace("⏎", "\n"), result) for tex, result in rows)


def cases_of_shared(kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield file name, source and right result of the cases of a kind, "safe" or "uni"."""
    for path in sorted((SHARED / "cases" / "tex").glob("*.tsv")):
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        if head.startswith(f"# {kind}:"):
            for row in rows:
                tex, _, right = row.split("\t")
                yield path.name, tex.replace("⏎", "\n"), right


@cache
def hard_formulas() -> tuple[tuple[str, str, str], ...]:
    """Return source; "safe" or "code"; the Unicode form or "code", with ⏎ for line ends."""
    rows = (_DATA / "formulas.tsv").read_text(encoding="utf-8").splitlines()
    return tuple((tex, rich, classic) for tex, rich, classic in (row.split("\t") for row in rows))


@cache
def shared_excerpts() -> tuple[tuple[str, str], ...]:
    """Return title and excerpt of every post of the dumps; empty if the folder is absent."""
    found = []
    for path in sorted((SHARED / "dumps").glob("*.txt")):
        dump = Dump(name=path.name, content=path.read_bytes(), captured_at=datetime(2026, 1, 1, tzinfo=UTC))
        found += [(post.title, post.excerpt) for post in read_dump(dump).sightings if post.excerpt]
    return tuple(found)


@cache
def shared_formulas() -> tuple[str, ...]:
    """Return every formula of the dumps once, in order."""
    bodies = [excerpt_body(excerpt) for _, excerpt in shared_excerpts()]
    return tuple(dict.fromkeys(tex for body in bodies for block in body for tex in formulas_of(block)))


def formulas_of(block: Block) -> Iterator[str]:
    """Yield the formulas of a block, in order."""
    match block:
        case DisplayFormula():
            yield block.tex
        case Preformatted():
            return
        case Quote():
            for inner in block.blocks:
                yield from formulas_of(inner)
        case Items():
            for item in block.items:
                yield from _inline(item.children)
        case _:
            yield from _inline(block.children)


def _inline(children: tuple[Inline, ...]) -> Iterator[str]:
    for child in children:
        match child:
            case Formula():
                yield child.tex
            case Bold() | Italic() | Link():
                yield from _inline(child.children)
            case _:
                pass


def endless_definitions(names: str, uses: int = 1) -> str:
    """Return one-letter macros in a circle, each using the next one `uses` times, and a use of the first.

    Made here, because other TeX engines do not bound the expansion.
    """
    following = names[1:] + names[:1]
    defined = (
        "\\def\\" + name + "{" + uses * ("\\" + other) + "}"
        for name, other in zip(names, following, strict=True)
    )
    return "".join(defined) + f"\\{names[0]}"
