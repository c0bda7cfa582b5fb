"""How well series and episodes are read: figures, confusion by style, and every miss.

Measures the derivation against titles whose true series are known; renders text, decides nothing.
"""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.intake.series import SeriesMembership, derive_series
from bot.titles import flatten
from tests.tools.shared import SHARED

TRUE_TITLES = SHARED / "data" / "titles.tsv"
TITLES_BY_STYLE = Path(__file__).parents[1] / "data" / "titles_by_style.tsv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A title with its true reading; `style` is empty where it is not labelled."""

    title: str
    series: str
    episode: int | None
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    truth: Truth
    read: SeriesMembership | None

    @property
    def right(self) -> bool:
        if self.read is None:
            return not self.truth.series
        return (self.read.series, self.read.episode) == (self.truth.series, self.truth.episode)

    @property
    def style(self) -> str:
        return "none" if self.read is None else self.read.style


def read_truths(path: Path) -> list[Truth]:
    """The rows of a table with the columns title, series, episode and perhaps style."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Truth(
                title=row["title"],
                series=row["series"],
                episode=int(row["episode"]) if row["episode"] else None,
                style=row.get("style", ""),
            )
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def flattened(truths: Sequence[Truth]) -> list[Truth]:
    """The same as the text dumps show it."""
    return [
        Truth(title=flatten(t.title), series=flatten(t.series), episode=t.episode, style=t.style)
        for t in truths
    ]


def judge(truths: Sequence[Truth]) -> list[Judged]:
    """Derive all titles together and pair each with its truth; names must be equal."""
    places = derive_series(dict(enumerate(truth.title for truth in truths)))
    return [Judged(truth=truth, read=places.get(index)) for index, truth in enumerate(truths)]


def share_right(judged: Sequence[Judged]) -> float:
    """The share of titles with a number whose series and episode are both right."""
    return _share(judged, lambda one: one.truth.episode is not None)


def share_false(judged: Sequence[Judged]) -> float:
    """The share of titles without a series that were given one."""
    return 1 - _share(judged, lambda one: not one.truth.series)


def _share(judged: Sequence[Judged], meant: Callable[[Judged], bool]) -> float:
    chosen = [one.right for one in judged if meant(one)]
    return sum(chosen) / len(chosen)


def titles_section() -> str:
    """The whole report on titles."""
    parts = ["# Series and episodes of titles"]
    for name, path in (("titles with known series", TRUE_TITLES), ("titles by style", TITLES_BY_STYLE)):
        if not path.exists():
            parts.append(f"{name}: {path.name} is not here")
            continue
        truths = read_truths(path)
        parts.append(_figures(f"{name}, full-width", judge(truths)))
        parts.append(_figures(f"{name}, flattened", judge(flattened(truths))))
    return "\n\n".join(parts)


def _figures(name: str, judged: Sequence[Judged]) -> str:
    numbered = [one for one in judged if one.truth.episode is not None]
    unnumbered = [one for one in judged if one.truth.series and one.truth.episode is None]
    alone = [one for one in judged if not one.truth.series]
    lines = [
        f"## {name}: {len(judged)} titles",
        _count("series and episode right, titles with a number", numbered),
        _count("series right, posts of a series without a number", unnumbered),
        _count("no series given, titles in none", alone),
        *_confusion(judged),
        *(f"miss: {_told(one)}" for one in judged if not one.right),
    ]
    return "\n".join(lines)


def _count(what: str, judged: Sequence[Judged]) -> str:
    right = sum(one.right for one in judged)
    return f"{what}: {right}/{len(judged)} = {right / max(1, len(judged)):.2%}"


def _confusion(judged: Sequence[Judged]) -> list[str]:
    """Return right and total per style and, for labelled titles, the confusions."""
    lines = ["style read             right     of"]
    read, right = Counter(one.style for one in judged), Counter(one.style for one in judged if one.right)
    lines += [f"  {style:<19} {right[style]:>6} {read[style]:>6}" for style in sorted(read)]
    taken = Counter((one.truth.style, one.style) for one in judged if one.truth.style not in ("", one.style))
    lines += [f"  {true} taken for {style}: {count}" for (true, style), count in sorted(taken.items())]
    return lines


def _told(one: Judged) -> str:
    wanted = f"{one.truth.series or 'none'} {one.truth.episode or ''}".strip()
    got = "none" if one.read is None else f"{one.read.series} {one.read.episode or ''} [{one.read.style}]"
    return f"{one.truth.title} | is {wanted} | read as {got}"
