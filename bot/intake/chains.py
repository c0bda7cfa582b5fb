"""Posts whose years hang together, since a home page lists them newest first.

Each page ties its posts to one unknown year, and pages that share a post to each other's. Knows neither
series nor storage.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

FIRST_YEAR = 2009  # the blog's first


@dataclass(frozen=True, slots=True, kw_only=True)
class Undated:
    """A post whose year is asked for; `month_day` is "MM-DD"."""

    id: int
    month_day: str
    series_key: str | None = None
    episode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A post whose full date was printed somewhere."""

    id: int
    date: date
    series_key: str | None = None
    episode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """A page that lists posts newest first; `captured_at` is the day of its capture in Asia/Shanghai."""

    posts: tuple[int, ...]
    captured_at: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Undated posts whose years hang together: each is that many years from one unknown year."""

    posts: tuple[tuple[Undated, int], ...]
    pins: tuple[int, ...]  # what each dated post of the same pages says the unknown year is
    latest: int | None  # no later year fits the capture times; None without a capture

    def dates(self, year: int) -> dict[int, date] | None:
        """The posts' dates if the unknown year is `year`; None if one of them would be no day at all."""
        days = {post.id: _day(year + offset, post.month_day) for post, offset in self.posts}
        found = {number: day for number, day in days.items() if day is not None}
        return found if len(found) == len(days) else None

    def pinned(self) -> int | None:
        """The year most of the dated posts agree on (an edited date may contradict); of equals the later."""
        votes = sorted(set(self.pins), key=lambda year: (self.pins.count(year), year), reverse=True)
        return next((year for year in votes if self.dates(year)), None)

    def latest_possible(self) -> int | None:
        """The last year that fits the captures and the calendar; None without a capture."""
        if self.latest is None:
            return None
        return next((year for year in range(self.latest, FIRST_YEAR - 1, -1) if self.dates(year)), None)


def chains_of(
    asked: Mapping[int, Undated], given: Mapping[int, Dated], pages: Iterable[HomePage]
) -> list[Chain]:
    """Tie posts together page by page, and pages by the posts they share."""
    ordered = sorted(pages, key=lambda page: (page.captured_at, page.posts))
    month_days = {number: post.month_day for number, post in asked.items()}
    month_days |= {number: f"{post.date:%m-%d}" for number, post in given.items()}
    steps: dict[int, list[tuple[int, int]]] = defaultdict(list)  # post → (neighbour, years from post to it)
    for page in ordered:
        for newer, older in pairwise([number for number in page.posts if number in month_days]):
            step = -1 if month_days[older] > month_days[newer] else 0
            steps[newer].append((older, step))
            steps[older].append((newer, -step))

    captures: dict[int, date] = {}
    for page in ordered:
        for number in page.posts:
            captures.setdefault(number, page.captured_at)
    chains: list[Chain] = []
    seen: set[int] = set()
    for number in asked:
        if number not in seen:
            offsets = _offsets(number, steps)
            seen |= offsets.keys()
            chains.append(_chain(offsets, asked, given, captures))
    return chains


def _offsets(start: int, steps: Mapping[int, Sequence[tuple[int, int]]]) -> dict[int, int]:
    offsets = {start: 0}
    queue = [start]
    for number in queue:
        for neighbour, step in steps.get(number, ()):
            if neighbour not in offsets:
                offsets[neighbour] = offsets[number] + step
                queue.append(neighbour)
    return offsets


def _chain(
    offsets: Mapping[int, int],
    asked: Mapping[int, Undated],
    given: Mapping[int, Dated],
    captures: Mapping[int, date],
) -> Chain:
    latest = [
        _last_year(asked[number].month_day, captures[number]) - offset
        for number, offset in offsets.items()
        if number in asked and number in captures
    ]
    return Chain(
        posts=tuple(
            sorted(
                ((asked[number], offset) for number, offset in offsets.items() if number in asked), key=_by_id
            )
        ),
        pins=tuple(
            sorted(given[number].date.year - offset for number, offset in offsets.items() if number in given)
        ),
        latest=min(latest, default=None),
    )


def _by_id(entry: tuple[Undated, int]) -> int:
    return entry[0].id


def _last_year(month_day: str, captured_at: date) -> int:
    return captured_at.year - (month_day > f"{captured_at:%m-%d}")


def _day(year: int, month_day: str) -> date | None:
    month, day = month_day.split("-")
    try:
        return date(year, int(month), int(day))
    except ValueError:  # 29 Feb in a common year
        return None
