"""Queries of readers against all titles and dumps: shares within the first five and mean reciprocal ranks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from bot.intake.formats.detect import read_dump
from bot.search.index import Index, build
from bot.search.ranker import search
from bot.titles import title_key
from storage.model import Certainty, Dump, Post, PostId
from tests.tools.shared import SHARED

QUERIES = Path(__file__).parents[1] / "data" / "queries.tsv"
FIRST = 5
_SEEN = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A query and parts of titles of which one must be in the first five."""

    query: str
    titles: tuple[str, ...]
    kind: str = "shared"
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many of some queries succeed, and the mean reciprocal rank."""

    right: int
    total: int
    mean_reciprocal_rank: float
    failed: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.right / self.total


def cases(path: Path) -> tuple[Case, ...]:
    """Return the queries of a file: query, titles, and with four columns kind and set."""
    lines = [line.split("\t") for line in path.read_text().splitlines() if line and line[0] != "#"]
    return tuple(
        Case(query=query, titles=tuple(titles.split("|")))
        if not rest
        else Case(query=query, titles=tuple(titles.split("|")), kind=rest[0], held=rest[1] == "held")
        for query, titles, *rest in lines
    )


def post(
    number: int, title: str, *, day: date | None = None, excerpt: str = "", series: str | None = None,
    episode: int | None = None,
) -> Post:  # fmt: skip
    return Post(
        id=PostId(number), title=title, title_key=title_key(title), date=day, month_day=None,
        date_certainty=Certainty.GIVEN, readers=None, readers_at=None, comments=None, category=None,
        tags=None, inferred_tags=(), excerpt=excerpt, series=series, series_key=series, episode=episode,
        style=None, archive_id=None, first_seen_at=_SEEN,
    )  # fmt: skip


@cache
def archive() -> tuple[Post, ...]:
    """Return the posts of all known titles, with the excerpts of the dumps."""
    posts: dict[str, Post] = {}
    for line in (SHARED / "data" / "titles.tsv").read_text().splitlines()[1:]:
        _, day, _, title, series, episode = (line.split("\t") + [""] * 6)[:6]
        posts[title_key(title)] = post(
            len(posts) + 1,
            title,
            day=date.fromisoformat(day) if day else None,
            series=series or None,
            episode=int(episode) if episode else None,
        )
    for path in sorted((SHARED / "dumps").glob("*.txt")):
        dump = Dump(name=path.name, content=path.read_bytes(), captured_at=_SEEN)
        for seen in read_dump(dump).sightings:
            key = title_key(seen.title)
            known = posts.get(key) or post(len(posts) + 1, seen.title, day=seen.date)
            posts[key] = replace(known, excerpt=known.excerpt or seen.excerpt or "")
    return tuple(posts.values())


@cache
def index() -> Index:
    return build(archive())


def score(wanted: Iterable[Case]) -> Score:
    """Return the figures of some queries."""
    titles = {each.id: each.title for each in archive()}
    ranks: dict[str, int] = {}
    for case in wanted:
        found = [titles[hit.post_id] for hit in search(index(), case.query)]
        right = [rank for rank, title in enumerate(found, 1) if any(part in title for part in case.titles)]
        ranks[case.query] = right[0] if right else 0
    return Score(
        right=sum(0 < rank <= FIRST for rank in ranks.values()),
        total=len(ranks),
        mean_reciprocal_rank=sum(1 / rank for rank in ranks.values() if rank) / len(ranks),
        failed=tuple(query for query, rank in ranks.items() if not 0 < rank <= FIRST),
    )


def report() -> str:
    """Return the section of the quality report on the search."""
    own = cases(QUERIES)
    groups = {
        "shared cases": cases(SHARED / "cases" / "search.tsv"),
        "own, tuned on": tuple(case for case in own if not case.held),
        "own, set aside": tuple(case for case in own if case.held),
    }
    groups |= {f"own, {kind}": tuple(c for c in own if c.kind == kind) for kind in {c.kind: 0 for c in own}}
    lines = []
    for name, group in groups.items():
        figures = score(group)
        failed = f"  failed: {', '.join(figures.failed)}" if figures.failed else ""
        lines.append(
            f"  {name:20} within five {figures.right}/{figures.total}"
            f"  MRR {figures.mean_reciprocal_rank:.3f}{failed}"
        )
    return "\n".join(lines)
