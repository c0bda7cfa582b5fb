"""Inverted index over the archive in memory: a large segment and a small one with what changed lately.

Heads (title, tags, series) have postings of all adjacent character pairs; bodies (excerpts) have postings of
Latin words and of single characters. Every lookup verifies the literal substring. Ordinals follow the date,
newest first.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import compress
from operator import add

from bot.search.normalize import normalize
from bot.titles import LIKELY_NUMBER, read_title, spread
from storage.model import Post, PostId

TAG_COMMA = "、"
_MOST_FRESH = 256  # posts in the small segment before all are merged
_SHORTEST_PREFIX = 3  # letters
END = "\x00"  # separates title, tags and series: no query holds it, so no word matches across
LATIN_WORD = re.compile(r"[a-z0-9]+")
_COMPOUND = re.compile(r"[a-z0-9]+(?:[-.+][a-z0-9]+)*")
_BITS = bytes.maketrans(b"01", b"\x00\x01")
_KEPT = 128  # answers of a segment that are kept for the next searches
_DENSE = 1 / 32  # share of the posts from which a bit set is smaller than an array of ordinals


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The normalized fields of one post; `day` is a proleptic Gregorian ordinal, 0 without a date."""

    post_id: PostId
    day: int
    readers: int
    episode: int | None
    title: str
    tags: str
    series: str
    body: str


class Segment:
    """Postings and columns of some posts, newest first."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: (-row.day, -row.post_id))
        self.ids = array("q", (row.post_id for row in ordered))
        self.days = array("l", (row.day for row in ordered))
        self.readers = array("l", (row.readers for row in ordered))
        self.episodes = [row.episode for row in ordered]
        self.titles = array("H", (min(len(row.title), 65_535) for row in ordered))
        self.heads = [END.join((row.title, row.tags, row.series)) for row in ordered]
        self.bodies = [row.body for row in ordered]
        self.pairs = _head_postings(self.heads)
        self._signs, self._words = _body_postings(self.bodies)
        self._in_heads = lru_cache(_KEPT)(self._holders)
        self.body_candidates = lru_cache(_KEPT)(self._body_candidates)

    def __len__(self) -> int:
        return len(self.heads)

    def rows(self, without: Set[PostId]) -> Iterator[Row]:
        """Yield the rows whose post is not in `without`."""
        for place, post_id in enumerate(self.ids):
            if post_id not in without:
                title, tags, series = self.heads[place].split(END)
                yield Row(
                    post_id=PostId(post_id),
                    day=self.days[place],
                    readers=self.readers[place],
                    episode=self.episodes[place],
                    title=title,
                    tags=tags,
                    series=series,
                    body=self.bodies[place],
                )

    def in_heads(self, text: str) -> Sequence[int]:
        """Return the ordinals of the posts whose head holds `text`."""
        return self.pairs.get(text, ()) if len(text) <= 2 else self._in_heads(text)

    def occurs(self, text: str) -> bool:
        """Return whether some head holds `text`."""
        rarest = self._rarest(text)
        return len(rarest) > 0 if len(text) <= 2 else any(text in self.heads[place] for place in rarest)

    def _holders(self, text: str) -> Sequence[int]:
        return array("I", (place for place in self._rarest(text) if text in self.heads[place]))

    def _body_candidates(self, text: str) -> int:
        """Return the bit set of the posts whose body may hold `text`; bit `ordinal` from the lowest."""
        if LATIN_WORD.fullmatch(text):
            found = [postings for word, postings in self._words.items() if text in word]
            return _bits({place for each in found for place in each}, len(self))
        left = (1 << len(self)) - 1
        for sign in set(text):
            match self._signs.get(sign, 0):
                case int() as dense:
                    left &= dense
                case sparse:
                    left &= _bits(sparse, len(self))
            if not left:
                break
        return left

    def places(self, bits: int) -> Iterator[int]:
        """Yield the ordinals of a bit set, newest first."""
        return compress(range(len(self)), f"{bits:0{len(self)}b}"[::-1].encode().translate(_BITS))

    def bits(self, places: Iterable[int]) -> int:
        """Return the bit set of ordinals."""
        return _bits(places, len(self))

    def in_title(self, place: int, text: str) -> bool:
        """Return whether the title at `place` holds `text`."""
        return self.heads[place].find(text, 0, self.titles[place]) >= 0

    def title(self, place: int) -> str:
        return self.heads[place][: self.titles[place]]

    @cached_property
    def head_words(self) -> tuple[str, ...]:
        """The Latin words of all heads in order, compounds both whole and in parts."""
        words: set[str] = set()
        for head in self.heads:
            words.update(LATIN_WORD.findall(head))
            words.update(_COMPOUND.findall(head))
        return tuple(sorted(words))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The Latin words of the posts, without plain numbers."""
        return frozenset(word for word in (*self.head_words, *self._words) if not word.isdecimal())

    def _rarest(self, text: str) -> Sequence[int]:
        """Return the shortest postings of the pairs of `text`."""
        if len(text) <= 2:
            return self.pairs.get(text, ())
        return min((self.pairs.get(pair, ()) for pair in map(add, text, text[1:])), key=len)


def _head_postings(heads: Sequence[str]) -> dict[str, "array[int]"]:
    """Return the ordinals by character and by pair of adjacent characters."""
    postings: dict[str, array[int]] = {}
    for place, head in enumerate(heads):
        for piece in {*head, *map(add, head, head[1:])}:
            try:
                postings[piece].append(place)
            except KeyError:
                postings[piece] = array("I", (place,))
    return postings


def _body_postings(
    bodies: Sequence[str],
) -> tuple[dict[str, "int | array[int]"], dict[str, "array[int]"]]:
    """Return the ordinals by character, as a bit set where dense, and by Latin word."""
    signs: dict[str, array[int]] = {}
    words: dict[str, array[int]] = {}
    for place, body in enumerate(bodies):
        for sign in set(body):
            try:
                signs[sign].append(place)
            except KeyError:
                signs[sign] = array("I", (place,))
        for word in set(LATIN_WORD.findall(body)):
            try:
                words[word].append(place)
            except KeyError:
                words[word] = array("I", (place,))
    dense = len(bodies) * _DENSE
    return {s: _bits(each, len(bodies)) if len(each) > dense else each for s, each in signs.items()}, words


def _bits(places: Iterable[int], width: int) -> int:
    """Return the bit set of `places`, of which all are below `width`."""
    digits = bytearray(width // 8 + 1)
    for place in places:
        digits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(digits, "little")


@dataclass(frozen=True)
class Index:
    """The segments, and the posts of the main one that were replaced or are gone."""

    main: Segment = field(default_factory=Segment)
    fresh: Segment = field(default_factory=Segment)
    hidden: frozenset[PostId] = frozenset()

    def __len__(self) -> int:
        return len(self.main) + len(self.fresh)

    @property
    def segments(self) -> tuple[Segment, ...]:
        return (self.main, self.fresh) if len(self.fresh) else (self.main,)

    def occurs(self, text: str) -> bool:
        """Return whether `text` occurs in a head."""
        if len(text) <= 2:
            return text in self.main.pairs or text in self.fresh.pairs
        return any(segment.occurs(text) for segment in self.segments)

    def has_word(self, word: str) -> bool:
        """Return whether a Latin word occurs in a post, or begins a word of a head."""
        if word in self.vocabulary:
            return True
        return len(word) >= _SHORTEST_PREFIX and any(map(self._begins, self.segments, (word, word)))

    @staticmethod
    def _begins(segment: Segment, word: str) -> bool:
        place = bisect_left(segment.head_words, word)
        return place < len(segment.head_words) and segment.head_words[place].startswith(word)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The Latin words of the posts."""
        return frozenset[str]().union(*(segment.vocabulary for segment in self.segments))


def build(posts: Iterable[Post]) -> Index:
    """Return the index of all posts; takes about 70 microseconds of a processor for each."""
    return Index(main=Segment(map(_row, posts)))


def update(index: Index, changed: Iterable[Post], gone: Collection[PostId] = ()) -> Index:
    """Return the index with some posts replaced or added and those `gone` left out."""
    rows = [_row(post) for post in changed]
    new = {row.post_id for row in rows}
    kept = index.fresh.rows(new | set(gone))
    waiting = [*kept, *(row for row in rows if row.post_id not in gone)]
    hidden = index.hidden | new | set(gone)
    if len(waiting) > _MOST_FRESH:
        return Index(main=Segment([*index.main.rows(hidden), *waiting]))
    return replace(index, fresh=Segment(waiting), hidden=hidden)


def searched(post: Post) -> str:
    """Return the normalized title, tags and excerpt of a post, in which words are looked for."""
    row = _row(post)
    return END.join((row.title, row.tags, row.body))


def places(index: Index) -> Iterator[tuple[Segment, int]]:
    """Yield the place of every post that is not hidden, the segments one after the other."""
    for segment in index.segments:
        hidden = index.hidden if segment is index.main else frozenset[PostId]()
        yield from ((segment, place) for place, id_ in enumerate(segment.ids) if id_ not in hidden)


def _row(post: Post) -> Row:
    tags = post.inferred_tags if post.tags is None else post.tags
    series, episode = post.series, post.episode
    if series is None and LIKELY_NUMBER.search(spread(post.title)) and (reading := read_title(post.title)):
        series, episode = reading.series, reading.episode
    return Row(
        post_id=post.id,
        day=post.date.toordinal() if post.date is not None else 0,
        readers=post.readers or 0,
        episode=episode,
        title=normalize(post.title).replace(END, ""),
        tags=normalize(TAG_COMMA.join(tags)).replace(END, ""),
        series=normalize(series or "").replace(END, ""),
        body=normalize(post.excerpt).replace(END, ""),
    )
