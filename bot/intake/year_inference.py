"""Year inference for dates printed without a year ("14 Aug").

Posts are ids with a month-day, a series and an episode. The order of home pages and the dated episodes of a
series give a year (INFERRED); otherwise the latest year before the capture is taken (GUESSED).
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from storage.model import Certainty

FIRST_YEAR = 2009  # the blog's first


@dataclass(frozen=True, slots=True, kw_only=True)
class Undated:
    """A post without a year; `month_day` is "MM-DD"."""

    id: int
    month_day: str
    series_key: str | None = None
    episode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A post with a full printed date."""

    id: int
    date: date
    series_key: str | None = None
    episode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """A page that lists posts newest first; `captured_at` is the day of its capture in the blog's zone."""

    posts: tuple[int, ...]
    captured_at: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DateChain:
    """Undated posts linked by shared pages: each lies a fixed number of years from one unknown year."""

    posts: tuple[tuple[Undated, int], ...]
    anchors: tuple[int, ...]  # the unknown year according to each dated post of the same pages
    latest: int | None  # no later year fits the capture times; None without a capture

    def dates(self, year: int) -> dict[int, date] | None:
        """Return the posts' dates if the unknown year is `year`; None if one of them is not a valid day."""
        days = {post.id: _day(year + offset, post.month_day) for post, offset in self.posts}
        found = {number: day for number, day in days.items() if day is not None}
        return found if len(found) == len(days) else None

    def pinned(self) -> int | None:
        """Return the year that most dated posts agree on, the later of equals; None without a valid one."""
        votes = sorted(set(self.anchors), key=lambda year: (self.anchors.count(year), year), reverse=True)
        return next((year for year in votes if self.dates(year)), None)

    def latest_possible(self) -> int | None:
        """Return the last year that fits the captures and the calendar; None without a capture."""
        if self.latest is None:
            return None
        return next((year for year in range(self.latest, FIRST_YEAR - 1, -1) if self.dates(year)), None)


def chains_of(
    asked: Mapping[int, Undated], given: Mapping[int, Dated], pages: Iterable[HomePage]
) -> list[DateChain]:
    """Return the chains of undated posts: posts of one page are linked, and pages by the posts they share."""
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
    chains: list[DateChain] = []
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
) -> DateChain:
    latest = [
        _last_year(asked[number].month_day, captures[number]) - offset
        for number, offset in offsets.items()
        if number in asked and number in captures
    ]
    undated = [(asked[number], offset) for number, offset in offsets.items() if number in asked]
    anchors = [given[number].date.year - offset for number, offset in offsets.items() if number in given]
    return DateChain(
        posts=tuple(sorted(undated, key=lambda entry: entry[0].id)),
        anchors=tuple(sorted(anchors)),
        latest=min(latest, default=None),
    )


def _last_year(month_day: str, captured_at: date) -> int:
    return captured_at.year - (month_day > f"{captured_at:%m-%d}")


def _day(year: int, month_day: str) -> date | None:
    month, day = month_day.split("-")
    try:
        return date(year, int(month), int(day))
    except ValueError:  # 29 Feb in a common year
        return None


EPISODE_GAP = timedelta(days=2)  # the least time from one episode of a series to the next, on average


class _Score(NamedTuple):
    """Score of one year for a chain by the dated episodes of its series; the smallest is the best."""

    broken: int  # posts before an earlier episode, after a later one, or too close to either
    days: int  # how far the posts are from where their series would have them
    year: int
    ordered: int  # posts that fit


def infer_dates(
    undated: Iterable[Undated], dated: Iterable[Dated], pages: Iterable[HomePage]
) -> dict[int, tuple[date, Certainty]]:
    """Return a date and its certainty for each undated post with any evidence.

    A post that is also among `dated` is left out. From strong to weak: a dated post on the same page or on
    one that overlaps it, the dated episodes of the same series (the nearest year in which they are in order
    and not implausibly close), both INFERRED; the latest year not after the capture, GUESSED. The result does
    not depend on the order of the arguments.
    """
    given = {post.id: post for post in sorted(dated, key=lambda post: post.id)}
    asked = {post.id: post for post in sorted(undated, key=lambda post: post.id) if post.id not in given}
    inference = _Inference()
    for post in given.values():
        inference.learn(post, post.date)
    waiting = [
        chain
        for chain in chains_of(asked, given, pages)
        if not inference.date_chain(chain, chain.pinned(), Certainty.INFERRED)
    ]
    for chain in inference.date_by_series(waiting):
        inference.date_chain(chain, chain.latest_possible(), Certainty.GUESSED)
    return inference.answers


class _Inference:
    """The dates found so far, and those of the episodes of each series, which are evidence for others."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[date, Certainty]] = {}
        self._known: dict[str, dict[int, list[date]]] = defaultdict(lambda: defaultdict(list))

    def learn(self, post: Undated | Dated, day: date) -> None:
        """Take a dated episode of a series as evidence."""
        if post.series_key is not None and post.episode is not None:
            insort(self._known[post.series_key][post.episode], day)

    def date_chain(self, chain: DateChain, year: int | None, certainty: Certainty) -> bool:
        """Date the posts of a chain; return whether a year was found. A guess is no evidence for others."""
        dates = None if year is None else chain.dates(year)
        if dates is None:
            return False
        for post, _ in chain.posts:
            self.answers[post.id] = dates[post.id], certainty
            if certainty is not Certainty.GUESSED:
                self.learn(post, dates[post.id])
        return True

    def date_by_series(self, waiting: Sequence[DateChain]) -> Sequence[DateChain]:
        """Date the chains that dated episodes decide, and return the remaining chains.

        A dated chain is evidence for the next one, so all chains at the smallest episode distance are dated
        in one step: the result does not depend on their order.
        """
        while reach := {at: far for at, chain in enumerate(waiting) if (far := self._reach(chain))}:
            nearest = [at for at, far in reach.items() if far == min(reach.values())]
            for at, year in [(at, self._best_year(waiting[at])) for at in nearest]:
                if not self.date_chain(waiting[at], year, Certainty.INFERRED):
                    self.date_chain(waiting[at], waiting[at].latest_possible(), Certainty.GUESSED)
            waiting = [chain for at, chain in enumerate(waiting) if at not in nearest]
        return waiting

    def _reach(self, chain: DateChain) -> int | None:
        """Return the number of episodes between the chain and the nearest dated one; None without one."""
        distances = [
            abs(episode - post.episode)
            for post, _ in chain.posts
            if post.series_key in self._known and post.episode is not None
            for episode in self._known[post.series_key]
            if episode != post.episode
        ]
        return min(distances, default=None)

    def _best_year(self, chain: DateChain) -> int | None:
        """Return the year in which the fewest posts break the order of their series; the nearest of equals.

        None if, even in the best year, more posts contradict the series than agree with it.
        """
        newest = max(dates[-1].year for episodes in self._known.values() for dates in episodes.values())
        last = chain.latest if chain.latest is not None else newest + 1
        years = range(FIRST_YEAR, max(last, FIRST_YEAR) + 1)
        scores = [self._score(year, dates, chain) for year in years if (dates := chain.dates(year))]
        best = min(scores, default=None)
        return best.year if best is not None and best.ordered > best.broken else None

    def _score(self, year: int, dates: Mapping[int, date], chain: DateChain) -> _Score:
        away = [
            distance.days
            for post, _ in chain.posts
            if post.series_key in self._known and post.episode is not None
            if (distance := _distance(dates[post.id], post.episode, self._known[post.series_key])) is not None
        ]
        fitting = [days for days in away if days >= 0]
        return _Score(len(away) - len(fitting), sum(fitting), year, len(fitting))


def _distance(day: date, episode: int, series: Mapping[int, Sequence[date]]) -> timedelta | None:
    """Return how far `day` is from the expected day of `episode`: negative if impossible, None if unknown.

    Between two dated episodes the expected day is found by even spacing, outside them it is the nearest one.
    """
    before = max(((other, dates[-1]) for other, dates in series.items() if other < episode), default=None)
    after = min(((other, dates[0]) for other, dates in series.items() if other > episode), default=None)
    if before is not None and day - before[1] < EPISODE_GAP * (episode - before[0]):
        return timedelta(days=-1)
    if after is not None and after[1] - day < EPISODE_GAP * (after[0] - episode):
        return timedelta(days=-1)
    if before is not None and after is not None:
        share = (episode - before[0]) / (after[0] - before[0])
        return abs(day - (before[1] + (after[1] - before[1]) * share))
    if before is not None:
        return day - before[1]
    return after[1] - day if after is not None else None
