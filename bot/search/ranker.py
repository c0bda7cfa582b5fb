"""Ranked retrieval: literal titles first, then a BM25-like score over terms with field weights.

A score is the share of the weighted terms that a post holds: 1 where its title holds them all. Ties go to
the newest. What holds too small a share of the terms is no result.
"""

import heapq
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum

from bot.search.glossary import equivalents
from bot.search.index import END, TAG_COMMA, Index, Segment, build, update
from bot.search.normalize import Snippet, marked
from bot.search.query import Episode, Order, Query, parse_query
from bot.search.terms import Form, Term, terms_of
from storage.database import Transaction
from storage.model import Post, PostId

MOST_HITS = 500  # no reader turns more pages
_TITLE, _TAG, _BODY = 1.0, 0.85, 0.5  # weights of the fields
_PARTS = 0.75  # weight of a term of which a post holds the parts only
_LEAST_IDF = 0.15
_SURE = 0.6  # score below which misspelt Chinese is assumed
_NOWHERE = 0.35  # least weight of a term that no post holds
_LEAST_SCORE = 0.3  # share of the terms below which a post is no result
_LEAST_OF_BEST = 0.5  # share of the best score below which a post is no result
_LENGTH, _LONG_TITLE = 0.1, 80  # how much a title of so many characters loses
_NAMED = 0.7  # share of a name that the title or series of an episode holds
_MOST_VERIFIED = 2000  # excerpts for each form of a query of several terms
_INSIDE = 0.7  # weight of a Latin word inside a longer one
_LATIN = re.compile(r"[a-z0-9]+")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


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
    hits = _hits(index, query, most)
    match query.order:
        case Order.READERS:
            hits.sort(key=lambda hit: (-hit.readers, -hit.day, -hit.post_id))
        case Order.DATE:
            hits.sort(key=lambda hit: (-hit.day, -hit.post_id))
        case Order.SCORE:
            hits.sort(key=lambda hit: (-hit.tier, -hit.score, -hit.day, -hit.post_id))
    return tuple(hits[:most])


def _hits(index: Index, query: Query, most: int) -> list[Hit]:
    text = query.without_date if query.period else query.text
    terms = terms_of(text, index)
    found = _matches(index, query, terms, most)
    if max((hit.tier + hit.score for hit in found), default=0.0) < _SURE:
        corrected = terms_of(text, index, correct=True)
        if corrected != terms:
            found = max(found, _matches(index, query, corrected, most), key=_best)
    if query.period and not found:  # the number was no date
        found = _matches(index, replace(query, period=None), terms_of(query.text, index), most)
    return found


def _best(hits: Sequence[Hit]) -> float:
    return max((hit.score for hit in hits), default=0.0)


def _matches(index: Index, query: Query, terms: Sequence[Term], most: int) -> list[Hit]:
    """Return the hits of all segments, those below the least score left out."""
    importance = _importance(index, terms)
    names = [(one, terms_of(one.name, index)) for one in query.episodes]
    episodes = [(one, name, _importance(index, name)) for one, name in names]
    found: list[tuple[Segment, int, _Match]] = []
    for segment in index.segments:
        search_of = _SegmentSearch(segment, query, index.hidden if segment is index.main else frozenset())
        matches = dict(search_of.literal(most))
        if sum(match.tier is Tier.TITLE for match in matches.values()) < most:
            for place, match in search_of.scored(terms, importance, most, matches.keys()).items():
                literal = matches.get(place, match)
                if literal.tier is Tier.SCORED:
                    matches[place] = replace(literal, score=max(match.score, literal.score))
        if len(query.words) > 1 or not any(match.tier is Tier.TITLE for match in matches.values()):
            for episode, name, weights in episodes:
                matches |= search_of.episodes(episode, name, weights)
        found += [(segment, place, match) for place, match in matches.items()]
    best = max((match.score for *_, match in found if match.tier is Tier.SCORED), default=0.0)
    least = max(_LEAST_SCORE, _LEAST_OF_BEST * best)
    texts = _texts(query, terms)
    return [
        _hit(segment, place, match, texts)
        for segment, place, match in found
        if match.literal or match.score >= least
    ]


@dataclass(frozen=True, slots=True)
class _Match:
    """How well a post matches; a literal match is a result whatever its score."""

    score: float
    tier: Tier = Tier.SCORED
    where: FieldRank = FieldRank.EXCERPT
    literal: bool = False


class _SegmentSearch:
    """One query over one segment."""

    def __init__(self, segment: Segment, query: Query, hidden: frozenset[PostId]) -> None:
        self._segment, self._query, self._hidden = segment, query, hidden
        self._tags = [(tag, *equivalents(tag)) for tag in query.tags]
        self._filtered = bool(hidden or query.tags or query.excluded or query.phrases)

    def literal(self, most: int) -> Iterator[tuple[int, _Match]]:
        """Yield up to `most` posts that hold all words literally, heads first, newest first."""
        segment, words = self._segment, self._query.words
        if not words:
            return
        letters = _letters("".join(words))
        in_heads = sorted(set(segment.in_heads(min(words, key=lambda word: -len(word)))))
        heads = [place for place in in_heads if all(word in segment.heads[place] for word in words)]
        for place in heads:
            title = segment.title(place)
            if self._admits(place) and all(word in title for word in words):
                score = (2 if _letters(title) == letters else 0) + all(
                    _bounded(title, word) for word in words
                )
                yield place, _Match(score, Tier.TITLE, FieldRank.TITLE, literal=True)
                most -= 1
            elif self._admits(place) and self._in_period(place):
                yield place, _Match(_TAG, Tier.SCORED, FieldRank.TAG, literal=True)
                most -= 1
        bits = (1 << len(segment)) - 1
        for word in words:
            bits &= segment.bits(segment.in_heads(word)) | segment.body_candidates(word)
        for place in segment.places(bits & ~segment.bits(heads)):
            if most <= 0:
                break
            head, body = segment.heads[place], segment.bodies[place]
            holds = all(word in head or word in body for word in words)
            if holds and self._admits(place) and self._in_period(place):
                yield place, _Match(_BODY, Tier.SCORED, FieldRank.EXCERPT, literal=True)
                most -= 1

    def scored(
        self, terms: Sequence[Term], importance: Sequence[float], most: int, literal: Collection[int]
    ) -> dict[int, _Match]:
        """Return the `most` posts with the best scores; without any term, all that the filters admit.

        The field of those in `literal` is not determined.
        """
        segment = self._segment
        if terms:
            scores = _scores(segment, terms, importance, bodies=most)
        elif self._query.tags or self._query.period:
            scores = dict.fromkeys(range(len(segment)), _BODY)
        else:
            return {}
        if self._filtered or self._query.period:
            scores = {p: score for p, score in scores.items() if self._admits(p) and self._in_period(p)}
        ranked = ((score * _brevity(segment.titles[place]), -place) for place, score in scores.items())
        best = heapq.nlargest(most, ranked)
        return {
            -place: _Match(score)
            if -place in literal
            else _Match(score, where=_field(segment, -place, terms))
            for score, place in best
        }

    def episodes(
        self, episode: Episode, name: Sequence[Term], importance: Sequence[float]
    ) -> dict[int, _Match]:
        """Return the episodes of that number whose title or series holds the name, literally if one does."""
        segment = self._segment
        scores = _scores(segment, name, importance, bodies=0)
        named = {
            place: score
            for place, score in scores.items()
            if segment.episodes[place] == episode.number and score >= _NAMED and self._admits(place)
        }
        literal = [place for place in named if episode.name.replace(" ", "") in segment.heads[place]]
        return {
            place: _Match(named[place], Tier.EPISODE, FieldRank.TITLE, literal=True)
            for place in literal or named
        }

    def _admits(self, place: int) -> bool:
        """Return whether the tags, exclusions and phrases of the query admit a post."""
        if not self._filtered:
            return True
        segment = self._segment
        head, body = segment.heads[place], segment.bodies[place]
        own = head[segment.titles[place] + 1 :].partition(END)[0].split(TAG_COMMA)
        return (
            segment.ids[place] not in self._hidden
            and all(any(form in own for form in forms) for forms in self._tags)
            and not any(word in head or word in body for word in self._query.excluded)
            and all(phrase in head or phrase in body for phrase in self._query.phrases)
        )

    def _in_period(self, place: int) -> bool:
        period, day = self._query.period, self._segment.days[place]
        return period is None or (day > 0 and period.holds(date.fromordinal(day)))


def _brevity(length: int) -> float:
    """Return the factor of a title of `length` characters: a short one is about the terms it holds."""
    return 1 - _LENGTH * min(1.0, length / _LONG_TITLE)


def _field(segment: Segment, place: int, terms: Sequence[Term]) -> FieldRank:
    """Return the first field that holds a form or a part of the terms."""
    parts = [form.text for term in terms for part in term.parts for form in part]
    texts = [*(form.text for term in terms for form in term.forms), *parts]
    if any(segment.in_title(place, text) for text in texts):
        return FieldRank.TITLE
    return FieldRank.TAG if any(text in segment.heads[place] for text in texts) else FieldRank.EXCERPT


def _scores(
    segment: Segment, terms: Sequence[Term], importance: Sequence[float], *, bodies: int
) -> dict[int, float]:
    """Return the share of the weighted terms that each post holds, `bodies` of them at least where there are.

    Terms are taken by weight; those left at the end that could lift no other post above the least score are
    only looked for in the posts already found.
    """
    total = sum(importance)
    left = total
    sums: dict[int, float] = {}
    for weight, term in sorted(zip(importance, terms, strict=True), key=lambda pair: -pair[0]):
        scores = _term_scores(segment, term, bodies=bodies, alone=len(terms) == 1)
        share = weight / total
        if left < _LEAST_SCORE * total:
            for place in sums.keys() & scores.keys():
                sums[place] += share * scores[place]
        else:
            for place, score in scores.items():
                sums[place] = sums.get(place, 0.0) + share * score
        left -= weight
    return sums


def _term_scores(segment: Segment, term: Term, *, bodies: int, alone: bool) -> dict[int, float]:
    """Return the score of one term for each post that holds it; of a lone term `bodies` posts are enough."""
    best: dict[int, float] = {}
    for form in term.forms:
        for place, score in _form_scores(segment, form):
            if score > best.get(place, 0.0):
                best[place] = score
    for place, score in _part_scores(segment, term.parts).items():
        if score > best.get(place, 0.0):
            best[place] = score
    for form in term.forms if bodies else ():
        if alone and len(best) >= bodies:
            break
        candidates = segment.body_candidates(form.text)
        if candidates.bit_count() > _MOST_VERIFIED and not alone:
            continue
        score = _BODY * form.weight
        for place in segment.places(candidates):
            if score > best.get(place, 0.0) and form.text in segment.bodies[place]:
                best[place] = score
    return best


def _part_scores(segment: Segment, parts: Sequence[Sequence[Form]]) -> dict[int, float]:
    """Return for each post the weighted share of the parts that its head holds."""
    sums: dict[int, float] = {}
    weights = [
        inverse_frequency(len(segment), max(len(segment.in_heads(form.text)) for form in part))
        for part in parts
    ]
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        scores: dict[int, float] = {}
        for form in part:
            for place, score in _form_scores(segment, form):
                if score > scores.get(place, 0.0):
                    scores[place] = score
        share = _PARTS * weight / total
        for place, score in scores.items():
            sums[place] = sums.get(place, 0.0) + share * score
    return sums


def _form_scores(segment: Segment, form: Form) -> Iterator[tuple[int, float]]:
    text, heads, titles = form.text, segment.heads, segment.titles
    in_title, in_tags = _TITLE * form.weight, _TAG * form.weight
    latin = _LATIN.fullmatch(text) is not None
    for place in segment.in_heads(text):
        head = heads[place]
        score = in_title if head.find(text, 0, titles[place]) >= 0 else in_tags
        yield place, score * _INSIDE if latin and not _bounded(head, text) else score


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
    count = sum(max(len(segment.in_heads(text)) for text in texts) for segment in index.segments)
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
        if (place == 0 or text[place - 1] not in _LETTERS) and text[end : end + 1] not in _LETTERS:
            return True
        place = text.find(word, place + 1)
    return False


class SearchService:
    """The index of one process; the revision of the posts shows which of them changed."""

    def __init__(self) -> None:
        self._index = Index()
        self._revision: tuple[int, datetime | None] = (0, None)
        self._ids: frozenset[PostId] = frozenset()

    async def search(self, tx: Transaction, typed: str, most: int = MOST_HITS) -> tuple[Hit, ...]:
        """Return the hits of a query among all stored posts."""
        return search(await self.index(tx), typed, most)

    async def index(self, tx: Transaction) -> Index:
        """Return the index of all stored posts."""
        revision = await tx.posts.revision()
        if revision != self._revision:
            changed = await tx.posts.changed_since(self._revision[1])
            self._ids |= {post.id for post in changed}
            if len(self._ids) == revision[0]:
                self._index = update(self._index, changed) if self._revision[0] else build(changed)
            else:  # a post is gone: it was joined into another
                changed = await tx.posts.everything()
                self._ids = frozenset(post.id for post in changed)
                self._index = build(changed)
            self._revision = revision
        return self._index
