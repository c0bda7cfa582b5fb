"""Ranked retrieval: literal titles first, then a BM25-like score over terms with field weights.

A score is the share of the weighted terms that a post holds: 1 where its title holds them all. Ties go to
the newest. What holds too small a share of the terms is no result.
"""

import asyncio
import heapq
import math
import re
from collections.abc import Collection, Container, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from cachetools import LRUCache

from bot.search.glossary import equivalents
from bot.search.index import END, TAG_COMMA, Index, Segment, update
from bot.search.normalize import Snippet, marked, word_edges
from bot.search.query import Episode, Order, Query, parse_query
from bot.search.terms import Form, Term, is_empty, terms_of
from storage.database import Transaction
from storage.model import Post, PostId

MOST_HITS = 500  # no reader turns more pages
_MANY = 50  # changed posts whose indexing would hold up the event loop
_REMEMBERED = 64  # queries whose hits are kept for further pages
_TITLE, _TAG, _BODY = 1.0, 0.85, 0.5  # weights of the fields
_PARTS = 0.75  # weight of a term of which a post holds the parts only
_LEAST_IDF = 0.15
_SURE = 0.6  # score below which misspelt Chinese is assumed
_NOWHERE = 0.35  # least weight of a term that no post holds
_LEAST_SCORE = 0.3  # share of the terms below which a post is no result
_LEAST_OF_BEST = 0.5  # share of the best score below which a post is no result
_NAMED = 0.7  # share of a name that the title or series of an episode holds
_MOST_VERIFIED = 2000  # excerpts for each form of a query of several terms
_INSIDE = 0.7  # weight of a Latin word inside a longer one
_LATIN = re.compile(r"[a-z0-9]+")


class Tier(IntEnum):
    """What precedes all scores."""

    SCORED = 0
    TITLE = 1  # the title holds all words literally
    EPISODE = 2  # the number of a series


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A post that matches, and the texts that are marked in it; `whole` if it holds all terms."""

    post_id: PostId
    tier: Tier
    score: float
    whole: bool
    texts: tuple[str, ...]

    def title(self, post: Post) -> Snippet:
        """Return the title with the matches marked; () if there is none in it."""
        return marked(post.title, self.texts, whole=True)

    def tags(self, post: Post) -> Snippet:
        """Return the tags with the matches marked; () if there is none in them."""
        tags = post.inferred_tags if post.tags is None else post.tags
        return marked(TAG_COMMA.join(tags), self.texts, whole=True)

    def excerpt(self, post: Post) -> Snippet:
        """Return the part of the excerpt around the first match; () if there is none."""
        return marked(post.excerpt, self.texts, whole=False)


def search(index: Index, typed: str, most: int = MOST_HITS, today: date | None = None) -> tuple[Hit, ...]:
    """Return the posts that match a query, at most `most`, the best first; `today` gives 去年 its year."""
    query = parse_query(typed, today)
    if query.is_empty:
        return ()
    text = query.without_date if query.period else query.text
    if query.period and is_empty(text, index):
        text = ""
    terms = terms_of(text, index)
    found = _matches(index, query, terms, most)
    if _best(found) < _SURE and not any(match.tier for *_, match in found):
        corrected = terms_of(text, index, correct=True)
        if corrected != terms:
            again = _matches(index, query, corrected, most)
            if _best(again) > _best(found):
                found, terms = again, corrected
    missed = query.period is not None and not found
    if missed:  # the number was no date, or no post is of it
        query = replace(query, period=None)
        terms = terms_of(query.text, index)
        found = _matches(index, query, terms, most)
    texts = _texts(query, terms)
    needed = [term for term in terms if len(term.forms[0].text) > 1]  # lone characters mean little
    return tuple(
        Hit(
            post_id=PostId(segment.ids[place]),
            tier=match.tier,
            score=match.score,
            whole=match.literal
            or (not missed and all(term.is_in(partial(segment.has, place)) for term in needed)),
            texts=texts,
        )
        for segment, place, match in _first(query.order, found, most)
    )


class _Match(NamedTuple):
    """How well a post matches; a literal match is a result whatever its score."""

    score: float
    tier: Tier = Tier.SCORED
    literal: bool = False


_Found = list[tuple[Segment, int, _Match]]


def _best(found: _Found) -> float:
    return max((match.score for *_, match in found), default=0.0)


def _first(order: Order, found: _Found, most: int) -> _Found:
    """Return the first `most` matches in this order; ties go to the newest post."""
    keys: list[tuple[float, float, float]]
    match order:
        case Order.READERS:
            keys = [(segment.readers[p], segment.days[p], segment.ids[p]) for segment, p, _ in found]
        case Order.DATE:
            keys = [(segment.days[p], segment.ids[p], 0) for segment, p, _ in found]
        case Order.SCORE:
            keys = [
                (10 * found_match.tier + found_match.score, segment.days[p], segment.ids[p])
                for segment, p, found_match in found
            ]
    ranked = heapq.nlargest(most, zip(keys, range(len(found)), strict=True))
    return [found[place] for _, place in ranked]


def _matches(index: Index, query: Query, terms: Sequence[Term], most: int) -> _Found:
    """Return the matches of all segments, those below the least score left out."""
    importance = _importance(index, terms)
    names = [(one, terms_of(one.name, index)) for one in query.episodes]
    episodes = [(one, name, _importance(index, name)) for one, name in names]
    found: _Found = []
    for segment in index.segments:
        search_of = _SegmentSearch(segment, query, index.hidden if segment is index.main else frozenset())
        matches = search_of.literal(most)
        if sum(match.tier is Tier.TITLE for match in matches.values()) < most:
            for place, score in search_of.scored(terms, importance, most):
                literal = matches.get(place)
                if literal is None or (literal.tier is Tier.SCORED and literal.score < score):
                    matches[place] = _Match(score, literal=literal is not None)
        if len(query.words) > 1 or not any(match.tier is Tier.TITLE for match in matches.values()):
            for episode, name, weights in episodes:
                matches |= search_of.episodes(episode, name, weights)
        found += [(segment, place, match) for place, match in matches.items()]
    best = max((match.score for *_, match in found if match.tier is Tier.SCORED), default=0.0)
    least = max(_LEAST_SCORE, _LEAST_OF_BEST * best)
    return [each for each in found if each[2].literal or each[2].score >= least]


class _SegmentSearch:
    """One query over one segment."""

    def __init__(self, segment: Segment, query: Query, hidden: frozenset[PostId]) -> None:
        self._segment, self._query, self._hidden = segment, query, hidden
        self._tags = [(tag, *equivalents(tag)) for tag in query.tags]
        self._filtered = bool(hidden or query.tags or query.excluded or query.phrases)

    def literal(self, most: int) -> dict[int, _Match]:
        """Return the posts that hold all words literally, titles first, `most` of them if there are.

        Of an order other than that of the scores, all posts whose title or labels hold the words.
        """
        segment, words = self._segment, self._query.words
        if not words:
            return {}
        every = self._query.order is not Order.SCORE
        found: dict[int, _Match] = {}
        rarest = min(words, key=lambda word: len(segment.titles.holders(word)))
        latin = [word for word in words if word.isascii()]
        letters = _letters("".join(words))
        titles, left, loose = segment.titles.texts, most, most
        for place in segment.titles.holders(rarest):
            title = titles[place]
            # A title with so many more characters is no other spelling of the words alone.
            whole = len(title) < 2 * len(letters) + 8
            if left <= 0 and not whole and not every:
                continue
            if all(word in title for word in words) and self._admits(place):
                edges = min((word_edges(title, word) for word in latin), default=2)
                bounded = edges == 2
                same = 2 if whole and _letters(title) == letters else 0
                if not (bounded or same or every):
                    loose -= 1
                    if loose < 0:
                        continue
                inside = not (edges or same)  # as ode is in decoder
                found[place] = (
                    _Match(_INSIDE, literal=True)
                    if inside
                    else _Match(same + bounded, Tier.TITLE, literal=True)
                )
                left -= bounded
        left = most - len(found)
        labels = segment.in_labels(min(words, key=lambda word: len(segment.in_labels(word))))
        for place in labels if left > 0 or every else ():
            holds = place not in found and all(segment.holds(place, word) for word in words)
            if holds and self._admits(place) and self._in_period(place):
                found[place] = _Match(_TAG, literal=True)
                left -= 1
                if left <= 0 and not every:
                    break
        if left > 0:
            found |= self._in_bodies(left, found)
        return found

    def _in_bodies(self, most: int, known: Container[int]) -> dict[int, _Match]:
        """Return `most` other posts that hold all words literally, some of them in the excerpt."""
        segment, words = self._segment, self._query.words
        found: dict[int, _Match] = {}
        bits = (1 << len(segment)) - 1
        for word in words:
            here = segment.body_candidates(word)
            if len(words) > 1:
                here |= segment.bits(segment.titles.holders(word)) | segment.bits(segment.in_labels(word))
            bits &= here
        for place in segment.places(bits):
            if place in known:
                continue
            body = segment.bodies[place]
            holds = all(word in body or segment.holds(place, word) for word in words)
            if holds and self._admits(place) and self._in_period(place):
                found[place] = _Match(_BODY, literal=True)
                if len(found) == most:
                    break
        return found

    def scored(
        self, terms: Sequence[Term], importance: Sequence[float], most: int
    ) -> Iterator[tuple[int, float]]:
        """Yield the `most` posts with the best scores; without any term, all that the filters admit."""
        segment = self._segment
        if terms:
            scores = _scores(segment, terms, importance, bodies=most)
        elif self._query.tags or self._query.period:
            scores = dict.fromkeys(range(len(segment)), _BODY)
        else:
            return
        if self._filtered or self._query.period:
            scores = {p: score for p, score in scores.items() if self._admits(p) and self._in_period(p)}
        brevity, least = segment.brevity if terms else [1.0] * len(segment), min(_LEAST_SCORE, _BODY)
        ranked = [(score * brevity[place], -place) for place, score in scores.items() if score >= least]
        yield from ((-place, round(score, 3)) for score, place in heapq.nlargest(most, ranked))

    def episodes(
        self, episode: Episode, name: Sequence[Term], importance: Sequence[float]
    ) -> dict[int, _Match]:
        """Return the episodes of that number whose title or series holds the name, literally if one does."""
        segment = self._segment
        numbered = segment.of_episode.get(episode.number)
        if not numbered:
            return {}
        scores = _scores(segment, name, importance, bodies=0, within=numbered)
        named = [place for place, score in scores.items() if score >= _NAMED and self._admits(place)]
        spelling = episode.name.replace(" ", "")
        literal = [place for place in named if segment.holds(place, spelling)]
        return {
            place: _Match(round(scores[place], 3), Tier.EPISODE, literal=True) for place in literal or named
        }

    def _admits(self, place: int) -> bool:
        """Return whether the tags, exclusions and phrases of the query admit a post."""
        if not self._filtered:
            return True
        segment = self._segment
        own = segment.labels[place].partition(END)[0].split(TAG_COMMA) if self._tags else []
        return (
            segment.ids[place] not in self._hidden
            and all(any(form in own for form in forms) for forms in self._tags)
            and not any(segment.has(place, word) for word in self._query.excluded)
            and all(segment.has(place, phrase) for phrase in self._query.phrases)
        )

    def _in_period(self, place: int) -> bool:
        period, day = self._query.period, self._segment.days[place]
        return period is None or (day > 0 and period.holds(date.fromordinal(day)))


def _scores(
    segment: Segment,
    terms: Sequence[Term],
    importance: Sequence[float],
    *,
    bodies: int,
    within: Set[int] | None = None,
) -> dict[int, float]:
    """Return the share of the weighted terms that each post holds, `bodies` of them at least where there are.

    Terms are taken by weight; those left at the end that could lift no other post above the least score are
    only looked for in the posts already found. `within` restricts the posts.
    """
    total = sum(importance)
    left = total
    sums: dict[int, float] = {}
    for weight, term in sorted(zip(importance, terms, strict=True), key=lambda pair: -pair[0]):
        if left < _LEAST_SCORE * total:
            within = sums.keys()
        share = weight / total
        scores = _term_scores(segment, term, bodies, alone=len(terms) == 1, within=within)
        for place, score in scores.items():
            sums[place] = sums.get(place, 0.0) + share * score
        left -= weight
    return sums


def _term_scores(
    segment: Segment, term: Term, bodies: int, *, alone: bool, within: Set[int] | None
) -> dict[int, float]:
    """Return the score of one term for each post that holds it; of a lone term `bodies` posts are enough."""
    best: dict[int, float] = {}
    if bodies:
        best = _body_scores(segment, term, bodies, alone=alone, within=within)
    for place, score in _part_scores(segment, term.parts, within).items():
        if score > best.get(place, 0.0):
            best[place] = score
    # Scores of whole forms are higher than those of parts and excerpts but for the least sure forms.
    for score, places in sorted(_form_scores(segment, term.forms, within), key=itemgetter(0)):
        if score > _PARTS:
            best.update(dict.fromkeys(places, score))
        else:
            best.update((place, score) for place in places if score > best.get(place, 0.0))
    return best


def _body_scores(
    segment: Segment, term: Term, most: int, *, alone: bool, within: Set[int] | None
) -> dict[int, float]:
    """Return the scores of the excerpts that hold a form; of a lone term, `most` are enough."""
    best: dict[int, float] = {}
    for form in term.forms:
        candidates = segment.body_candidates(form.text)
        if within is not None:
            candidates &= segment.bits(within)
        if candidates.bit_count() > _MOST_VERIFIED and not alone:
            continue
        score, text, bodies = _BODY * form.weight, form.text, segment.bodies
        for place in segment.places(candidates):
            if score > best.get(place, 0.0) and text in bodies[place]:
                best[place] = score
                if alone and len(best) >= most:
                    return best
    return best


def _part_scores(
    segment: Segment, parts: Sequence[Sequence[Form]], within: Set[int] | None
) -> dict[int, float]:
    """Return for each post the weighted share of the parts that its head holds.

    Common parts that alone are less than the least score are only looked for where rarer ones are.
    """
    weights = [
        inverse_frequency(len(segment), max(segment.frequency(form.text) for form in part)) for part in parts
    ]
    left = total = sum(weights)
    sums: dict[int, float] = {}
    for weight, part in sorted(zip(weights, parts, strict=True), key=lambda pair: -pair[0]):
        if left < _LEAST_SCORE * total:
            within = sums.keys()
        scores: dict[int, float] = {}
        for score, places in sorted(_form_scores(segment, part, within), key=itemgetter(0)):
            scores.update(dict.fromkeys(places, score))
        share = _PARTS * weight / total
        for place, score in scores.items():
            sums[place] = sums.get(place, 0.0) + share * score
        left -= weight
    return sums


def _form_scores(
    segment: Segment, forms: Iterable[Form], within: Set[int] | None
) -> Iterator[tuple[float, Collection[int]]]:
    """Yield the ordinals of the posts whose title, or whose tags or series, hold a form, with the score."""
    for form in forms:
        groups = (
            (_TAG * form.weight, segment.in_labels(form.text)),
            (_TITLE * form.weight, segment.titles.holders(form.text)),
        )
        latin = _LATIN.fullmatch(form.text) is not None
        for score, holders in groups:
            places: Collection[int] = holders if within is None else within & set(holders)
            if places and latin:
                yield score * _INSIDE, places
                yield score, segment.whole_words(form.text) & set(places)
            elif places:
                yield score, places


def _importance(index: Index, terms: Sequence[Term]) -> list[float]:
    """Return the weight of each term: its size times its inverse document frequency, from 0 to 1.

    Words that no post holds weigh as much as the others on average.
    """
    rarities = [_rarity(index, term) for term in terms]
    found = [rarity for rarity in rarities if rarity is not None]
    nowhere = max(_NOWHERE, sum(found) / len(found)) if found else _NOWHERE
    return [t.size * (nowhere if r is None else r) for t, r in zip(terms, rarities, strict=True)]


def _rarity(index: Index, term: Term) -> float | None:
    texts = [form.text for form in term.forms]
    count = sum(max(map(segment.frequency, texts)) for segment in index.segments)
    if count == 0:
        count = sum(
            max(segment.body_candidates(text).bit_count() for text in texts) for segment in index.segments
        )
    if count == 0 and not any(index.occurs(form.text) for part in term.parts for form in part):
        return None
    return inverse_frequency(len(index), count)


def inverse_frequency(posts: int, holding: int) -> float:
    """Return the inverse document frequency of BM25, scaled to 1 for what one of many posts holds."""
    value = math.log(1 + (posts - holding + 0.5) / (holding + 0.5)) / math.log(2 * posts + 2)
    return max(_LEAST_IDF, value)


def _texts(query: Query, terms: Sequence[Term]) -> tuple[str, ...]:
    """Return what is marked in the results."""
    forms = [form.text for term in terms for form in term.forms]
    parts = [form.text for term in terms for part in term.parts for form in part if len(form.text) > 1]
    return tuple(dict.fromkeys(filter(None, (*query.words, *query.phrases, *query.tags, *forms, *parts))))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


class SearchService:
    """The index of one process; the revision of the posts shows which of them changed."""

    def __init__(self) -> None:
        self._index = Index()
        self._revision: tuple[int, datetime | None] = (0, None)
        self._ids: frozenset[PostId] = frozenset()
        self._pages: LRUCache[tuple[str, date, int], tuple[Hit, ...]] = LRUCache(_REMEMBERED)
        self._refresh = asyncio.Lock()

    async def search(
        self, tx: Transaction, typed: str, today: date, most: int = MOST_HITS
    ) -> tuple[Hit, ...]:
        """Return the hits of a query among all stored posts."""
        return search(await self.index(tx), typed, most, today)

    async def pages(
        self, tx: Transaction, typed: str, today: date, newest: int | None = None
    ) -> tuple[tuple[Hit, ...], int]:
        """Return all hits of a query, and the newest post at this time.

        Given that of the first page, the hits are those found then: as they are remembered here, or else
        found once more among the posts up to it. So nothing moves between pages while posts arrive.
        """
        index = await self.index(tx)
        key = typed, today, index.newest if newest is None else newest
        if newest is None or key not in self._pages:
            hits = search(index, typed, today=today)
            self._pages[key] = tuple(hit for hit in hits if hit.post_id <= key[-1])
        return self._pages[key], key[-1]

    async def index(self, tx: Transaction) -> Index:
        """Return the index of all stored posts; that of many is built in a thread."""
        async with self._refresh:
            revision = await tx.posts.revision()
            if revision != self._revision:
                changed = await tx.posts.changed_since(self._revision[1])
                ids = self._ids | {post.id for post in changed}
                known = self._index
                if len(ids) != revision[0]:  # a post is gone: it was joined into another
                    known, changed = Index(), await tx.posts.everything()
                    ids = frozenset(post.id for post in changed)
                if len(changed) > _MANY:
                    self._index = await asyncio.to_thread(update, known, changed)
                else:
                    self._index = update(known, changed)
                self._ids, self._revision = ids, revision
            return self._index
