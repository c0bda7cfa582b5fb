"""Ranked retrieval: literal titles first, then a BM25-like score over terms with field weights.

A score is the share of the weighted terms that a post holds: 1 where its title holds them all. Ties go to the
newest. What holds too small a share of the terms is no result.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum, StrEnum

from bot.search.glossary import equivalents
from bot.search.index import TAG_COMMA, Index
from bot.search.normalize import normalize
from bot.search.postings import END, Segment
from bot.search.query import Order, Period, Query, parse_query
from bot.search.snippets import Snippet, marked
from bot.search.terms import Form, Term, terms_of
from storage.model import Post, PostId

MOST_HITS = 500  # no reader turns more pages
_TITLE, _TAG, _BODY = 1.0, 0.85, 0.5  # weights of the fields
_PARTS = 0.75  # weight of a term of which a post holds the parts only
_LEAST_IDF = 0.15
_NOWHERE = 0.35  # weight of a term that no post holds
_LEAST_SCORE = 0.3  # share of the terms below which a post is no result
_LEAST_OF_BEST = 0.5  # share of the best score below which a post is no result
_DENSITY = 0.1  # how much of a score depends on the share of the title that matches
_NAMED = 0.7  # share of a name that the title or series of an episode holds
_MOST_VERIFIED = 4000  # excerpts for each form of a query of several terms
_INSIDE = 0.7  # weight of a Latin word inside a longer one
_FEW = 2000  # posts that are looked at one by one
_LATIN = re.compile(r"[a-z0-9]+")


class FieldRank(StrEnum):
    """The field of a post that a query matched."""

    TITLE = "title"
    TAG = "tag"
    EXCERPT = "excerpt"


class Tier(IntEnum):
    """What precedes all scores."""

    SCORED = 0
    TITLE = 1  # the title holds all words literally
    EPISODE = 2  # the number of a series


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A post that matches; `where` is its best field."""

    post_id: PostId
    where: FieldRank
    tier: Tier
    score: float
    day: int
    readers: int
    _texts: tuple[str, ...]

    def title(self, post: Post) -> Snippet:
        """Return the title with the matches marked; () if there is none in it."""
        return marked(post.title, self._texts, whole=True)

    def context(self, post: Post) -> Snippet:
        """Return the tags, or the part of the excerpt around the first match; () if there is no match."""
        tags = post.inferred_tags if post.tags is None else post.tags
        in_tags = marked(TAG_COMMA.join(tags), self._texts, whole=True)
        in_excerpt = marked(post.excerpt, self._texts, whole=False)
        return in_tags or in_excerpt if self.where is FieldRank.TAG else in_excerpt or in_tags

    def snippet(self, post: Post) -> Snippet:
        """Return the best field with the matches marked."""
        return (self.title(post) if self.where is FieldRank.TITLE else ()) or self.context(post)


def search(index: Index, typed: str, most: int = MOST_HITS) -> tuple[Hit, ...]:
    """Return the posts that match a query, at most `most`, the best first."""
    query = parse_query(typed)
    if query.is_empty:
        return ()
    hits = _hits(index, query)
    match query.order:
        case Order.READERS:
            hits.sort(key=lambda hit: (-hit.readers, -hit.day, -hit.post_id))
        case Order.DATE:
            hits.sort(key=lambda hit: (-hit.day, -hit.post_id))
        case Order.SCORE:
            hits.sort(key=lambda hit: (-hit.tier, -hit.score, -hit.day, -hit.post_id))
    return tuple(hits[:most])


def _hits(index: Index, query: Query) -> list[Hit]:
    text = query.without_date if query.period else query.text
    found = _matches(index, query, terms_of(text, index), in_period=True)
    if query.period and not found:  # the number was no date
        found = _matches(index, query, terms_of(query.text, index), in_period=False)
    return found


def _matches(index: Index, query: Query, terms: Sequence[Term], *, in_period: bool) -> list[Hit]:
    texts = _texts(query, terms)
    episodes = [(one.number, terms_of(one.name, index)) for one in query.episodes]
    importance = _importance(index, terms)
    scored: list[tuple[Segment, int, _Match]] = []
    for segment in index.segments:
        admitted = _filter(index, query, segment)
        period = query.period if in_period else None
        matches = _scores(segment, terms, importance)
        if (query.period and not terms and in_period) or (query.tags and not query.words):
            matches = dict.fromkeys(range(len(segment)), _Match(_BODY))
        matches = {place: match for place, match in matches.items() if _in_period(segment, place, period)}
        literal = _literal(segment, query.words)
        for place, match in literal.items():
            if match.tier is Tier.TITLE or _in_period(segment, place, period):
                other = matches.get(place)
                if other is not None and match.tier is Tier.SCORED:
                    match = replace(match, score=max(match.score, other.score))
                matches[place] = match
        titles = any(match.tier is Tier.TITLE for match in literal.values())
        if not (titles and len(query.words) == 1):
            for number, name in episodes:
                matches |= _episodes(segment, number, name, _importance(index, name))
        scored += [(segment, place, match) for place, match in matches.items() if admitted(place)]
    best = max((match.score for *_, match in scored if match.tier is Tier.SCORED), default=0.0)
    least = max(_LEAST_SCORE, _LEAST_OF_BEST * best)
    return [
        _hit(segment, place, match, texts)
        for segment, place, match in scored
        if match.literal or match.tier is not Tier.SCORED or match.score >= least
    ]


@dataclass(frozen=True, slots=True)
class _Match:
    """How well a post matches; what all words of are found literally is a result whatever its score."""

    score: float
    tier: Tier = Tier.SCORED
    where: FieldRank = FieldRank.EXCERPT
    literal: bool = False


def _literal(segment: Segment, words: Sequence[str]) -> dict[int, _Match]:
    """Return the posts that hold all words literally, in their titles or anywhere."""
    found: dict[int, _Match] = {}
    letters = _letters("".join(words))
    for place in _holders(segment, words):
        title, head = segment.title(place), segment.heads[place]
        if all(word in title for word in words):
            score = (2 if _letters(title) == letters else 0) + all(_bounded(title, word) for word in words)
            found[place] = _Match(score, Tier.TITLE, FieldRank.TITLE, literal=True)
        elif all(word in head for word in words):
            found[place] = _Match(_TAG, Tier.SCORED, FieldRank.TAG, literal=True)
        else:
            found[place] = _Match(_BODY, Tier.SCORED, FieldRank.EXCERPT, literal=True)
    return found


def _holders(segment: Segment, words: Sequence[str]) -> Iterable[int]:
    """Return the posts whose head and body together hold all words."""
    kept: set[int] | None = None
    for word in sorted(words, key=len, reverse=True):
        if kept is not None and len(kept) < _FEW:
            kept = {p for p in kept if word in segment.heads[p] or word in segment.bodies[p]}
        else:
            holding = {*segment.in_heads(word), *segment.in_bodies(word, len(segment))}
            kept = holding if kept is None else kept & holding
        if not kept:
            break
    return kept or ()


def _episodes(
    segment: Segment, number: int, name: Sequence[Term], importance: Sequence[float]
) -> dict[int, _Match]:
    """Return the episodes of that number whose title or series holds the name."""
    return {
        place: _Match(match.score, Tier.EPISODE, FieldRank.TITLE, literal=True)
        for place, match in _scores(segment, name, importance, bodies=False).items()
        if segment.episodes[place] == number and match.score >= _NAMED
    }


def _scores(
    segment: Segment, terms: Sequence[Term], importance: Sequence[float], *, bodies: bool = True
) -> dict[int, _Match]:
    """Return the share of the weighted terms that each post holds, and the best field."""
    total = sum(importance)
    sums: dict[int, float] = defaultdict(float)
    lengths: dict[int, int] = defaultdict(int)
    for term, weight in zip(terms, importance, strict=True):
        scores = _term_scores(segment, term, bodies=bodies, alone=len(terms) == 1)
        for place, (score, length) in scores.items():
            sums[place] += weight * score
            lengths[place] += length
    found = {}
    for place, value in sums.items():
        density = min(1.0, lengths[place] / (segment.titles[place] or 1))
        score = value / total * (1 - _DENSITY + _DENSITY * density)
        found[place] = _Match(score, Tier.SCORED, _field(segment, place, terms))
    return found


def _field(segment: Segment, place: int, terms: Sequence[Term]) -> FieldRank:
    """Return the first field that holds a form or a part of the terms."""
    texts = [form.text for term in terms for form in (*term.forms, *(f for part in term.parts for f in part))]
    if any(segment.in_title(place, text) for text in texts):
        return FieldRank.TITLE
    return FieldRank.TAG if any(text in segment.heads[place] for text in texts) else FieldRank.EXCERPT


def _term_scores(segment: Segment, term: Term, *, bodies: bool, alone: bool) -> dict[int, tuple[float, int]]:
    """Return the score of one term and the length of its match, for each post that holds it."""
    best: dict[int, tuple[float, int]] = {}
    for form in term.forms:
        for place, score in _form_scores(segment, form):
            best[place] = max(best.get(place, (0.0, 0)), (score, len(form.text)))
    for place, score in _part_scores(segment, term.parts).items():
        best[place] = max(best.get(place, (0.0, 0)), (score, 2))
    if bodies:
        most = len(segment) if alone else _MOST_VERIFIED
        for form in term.forms:
            for place in segment.in_bodies(form.text, most):
                best[place] = max(best.get(place, (0.0, 0)), (_BODY * form.weight, 0))
    return best


def _part_scores(segment: Segment, parts: Sequence[Sequence[Form]]) -> dict[int, float]:
    """Return for each post the weighted share of the parts that its head holds."""
    sums: dict[int, float] = defaultdict(float)
    total = 0.0
    for part in parts:
        weight = _idf(len(segment), max(len(segment.in_heads(form.text)) for form in part))
        total += weight
        scores: dict[int, float] = {}
        for form in part:
            for place, score in _form_scores(segment, form):
                scores[place] = max(score, scores.get(place, 0.0))
        for place, score in scores.items():
            sums[place] += weight * score
    return {place: _PARTS * value / total for place, value in sums.items()}


def _form_scores(segment: Segment, form: Form) -> Iterator[tuple[int, float]]:
    latin = _LATIN.fullmatch(form.text) is not None
    for place in segment.in_heads(form.text):
        field = _TITLE if segment.in_title(place, form.text) else _TAG
        part = _INSIDE if latin and not _bounded(segment.heads[place], form.text) else 1.0
        yield place, field * part * form.weight


def _importance(index: Index, terms: Sequence[Term]) -> list[float]:
    """Return the weight of each term: its size times its inverse document frequency, from 0 to 1."""
    return [term.size * _rarity(index, term) for term in terms]


def _rarity(index: Index, term: Term) -> float:
    texts = [form.text for form in term.forms]
    count = sum(max(len(segment.in_heads(text)) for text in texts) for segment in index.segments)
    if count == 0:
        count = sum(
            max(len(segment.in_bodies(text, _MOST_VERIFIED)) for text in texts) for segment in index.segments
        )
    if count == 0 and not any(index.occurs(form.text) for part in term.parts for form in part):
        return _NOWHERE
    return _idf(len(index), count)


def _idf(posts: int, holding: int) -> float:
    value = math.log(1 + (posts - holding + 0.5) / (holding + 0.5)) / math.log(2 * posts + 2)
    return max(_LEAST_IDF, value)


def _filter(index: Index, query: Query, segment: Segment) -> Callable[[int], bool]:
    """Return the predicate of the tags, exclusions and phrases of a query."""
    hidden = index.hidden if segment is index.main else frozenset[PostId]()
    tags = [(tag, *equivalents(tag)) for tag in query.tags]

    def admits(place: int) -> bool:
        if segment.ids[place] in hidden:
            return False
        head, body = segment.heads[place], segment.bodies[place]
        own = head[segment.titles[place] + 1 :].partition(END)[0].split(normalize(TAG_COMMA))
        return (
            all(any(form in own for form in forms) for forms in tags)
            and not any(word in head or word in body for word in query.excluded)
            and all(phrase in head or phrase in body for phrase in query.phrases)
        )

    return admits


def _in_period(segment: Segment, place: int, period: Period | None) -> bool:
    if period is None:
        return True
    return segment.days[place] > 0 and period.holds(date.fromordinal(segment.days[place]))


def _hit(segment: Segment, place: int, match: _Match, texts: tuple[str, ...]) -> Hit:
    return Hit(
        post_id=PostId(segment.ids[place]),
        where=match.where,
        tier=match.tier,
        score=round(match.score, 3),
        day=segment.days[place],
        readers=segment.readers[place],
        _texts=texts,
    )


def _texts(query: Query, terms: Sequence[Term]) -> tuple[str, ...]:
    """Return what is marked in the results."""
    forms = [form.text for term in terms for form in term.forms]
    parts = [form.text for term in terms for part in term.parts for form in part if len(form.text) > 1]
    return tuple(dict.fromkeys((*query.words, *query.phrases, *query.tags, *forms, *parts)))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _bounded(text: str, word: str) -> bool:
    """Return whether some occurrence of a Latin `word` is no part of a longer one."""
    if not word.isascii():
        return True
    place = text.find(word)
    while place >= 0:
        end = place + len(word)
        before, after = text[place - 1 : place], text[end : end + 1]
        if not (_LATIN.match(before) and _LATIN.match(word[0])) and not (
            _LATIN.match(after) and _LATIN.match(word[-1])
        ):
            return True
        place = text.find(word, place + 1)
    return False
