"""The year of a date printed without one ("14 Aug"), reasoned from what else is known.

Owns the evidence and its order of strength. Knows neither dumps nor storage: posts are numbers with a
month-day, a series and an episode; the capture time is an argument.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bot.intake.chains import FIRST_YEAR, Chain, Dated, HomePage, Undated, chains_of
from storage.model import Certainty

__all__ = ["EPISODE_GAP", "Dated", "HomePage", "Undated", "infer_dates"]

EPISODE_GAP = timedelta(days=2)  # the least time from one episode of a series to the next, on average


_Known = Mapping[str, Mapping[int, tuple[date, ...]]]  # series key → episode → dates


@dataclass(frozen=True, slots=True, order=True)
class _Verdict:
    """What the dated episodes of a series say of a chain's year; the smallest verdict is the best."""

    broken: int  # posts that would stand before an earlier episode, behind a later one, or too close
    days: int  # how far the posts are from where their series would have them
    year: int
    sound: int  # posts that fit


def infer_dates(
    undated: Iterable[Undated], dated: Iterable[Dated], pages: Iterable[HomePage]
) -> dict[int, tuple[date, Certainty]]:
    """Give each undated post a date, as sure as the evidence is; a post without any evidence is left out.

    So is a post that is also among the dated: there is nothing to infer.

    From strong to weak: a dated post on the same page or on one that overlaps it, the dated episodes of the
    same series (the nearest year in which they are in order and not implausibly close), both INFERRED; the
    latest year that is not after the capture, GUESSED. The order of the arguments does not matter.
    """
    given = {post.id: post for post in sorted(dated, key=lambda post: post.id)}
    asked = {post.id: post for post in sorted(undated, key=lambda post: post.id) if post.id not in given}
    known: dict[str, dict[int, tuple[date, ...]]] = defaultdict(dict)
    for post in given.values():
        _learn(known, post.series_key, post.episode, post.date)

    answers: dict[int, tuple[date, Certainty]] = {}
    waiting: list[Chain] = []
    for chain in chains_of(asked, given, pages):
        if (year := chain.pinned()) is not None:
            _settle(chain, year, Certainty.INFERRED, answers, known)
        else:
            waiting.append(chain)
    for chain in _settle_by_series(waiting, answers, known):
        if (year := chain.latest_possible()) is not None:
            _settle(chain, year, Certainty.GUESSED, answers, known)
    return answers


def _settle_by_series(
    waiting: list[Chain],
    answers: dict[int, tuple[date, Certainty]],
    known: dict[str, dict[int, tuple[date, ...]]],
) -> list[Chain]:
    """Settle what the series can settle, and return the rest.

    A settled chain is evidence for the next, so the closest neighbours speak first, all of them at once:
    which of them happens to be looked at first must not matter.
    """
    while waiting:
        reach = {index: distance for index, chain in enumerate(waiting) if (distance := _reach(chain, known))}
        if not reach:
            break
        nearest = min(reach.values())
        verdicts = {index: _by_series(waiting[index], known) for index in reach if reach[index] == nearest}
        for index, year in verdicts.items():
            if year is not None:
                _settle(waiting[index], year, Certainty.INFERRED, answers, known)
            elif (guess := waiting[index].latest_possible()) is not None:
                _settle(waiting[index], guess, Certainty.GUESSED, answers, known)
        waiting = [chain for index, chain in enumerate(waiting) if index not in verdicts]
    return waiting


def _settle(
    chain: Chain,
    year: int,
    certainty: Certainty,
    answers: dict[int, tuple[date, Certainty]],
    known: dict[str, dict[int, tuple[date, ...]]],
) -> None:
    dates = chain.dates(year) or {}
    for post, _ in chain.posts:
        answers[post.id] = (dates[post.id], certainty)
        if certainty is not Certainty.GUESSED:  # a guess must not breed certainties
            _learn(known, post.series_key, post.episode, dates[post.id])


def _learn(
    known: dict[str, dict[int, tuple[date, ...]]], series: str | None, episode: int | None, day: date
) -> None:
    if series is not None and episode is not None:
        known[series][episode] = tuple(sorted((*known[series].get(episode, ()), day)))


def _reach(chain: Chain, known: _Known) -> int | None:
    """How many episodes lie between the chain and the nearest dated one; None without any."""
    distances = [
        abs(episode - post.episode)
        for post, _ in chain.posts
        if post.series_key is not None and post.episode is not None
        for episode in known.get(post.series_key, ())
        if episode != post.episode
    ]
    return min(distances, default=None)


def _by_series(chain: Chain, known: _Known) -> int | None:
    """The year in which the fewest posts break the order of their series; the nearest of those years.

    None where more posts contradict every year than agree with the best.
    """
    newest = max(dates[-1].year for episodes in known.values() for dates in episodes.values())
    last = chain.latest if chain.latest is not None else newest + 1
    verdicts = [
        _judge(year, dates, chain, known)
        for year in range(FIRST_YEAR, max(last, FIRST_YEAR) + 1)
        if (dates := chain.dates(year))
    ]
    best = min(verdicts, default=None)
    return best.year if best is not None and best.sound > best.broken else None


def _judge(year: int, dates: Mapping[int, date], chain: Chain, known: _Known) -> _Verdict:
    broken = sound = days = 0
    for post, _ in chain.posts:
        if post.series_key is None or post.episode is None:
            continue
        away = _distance(dates[post.id], post.episode, known.get(post.series_key, {}))
        if away is None:
            continue
        if away < timedelta():
            broken += 1
        else:
            sound += 1
            days += away.days
    return _Verdict(broken=broken, days=days, year=year, sound=sound)


def _distance(day: date, episode: int, series: Mapping[int, tuple[date, ...]]) -> timedelta | None:
    """How far `day` is from the place of `episode` in its series: negative if impossible, None if unknown.

    Between two dated episodes the place is found by even spacing, beyond them it is as near as may be.
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
