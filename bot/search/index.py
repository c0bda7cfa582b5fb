"""Inverted index over the archive in memory: a large segment and a small one with what changed lately.

Heads (title, tags, series) have postings of all adjacent character pairs; bodies (excerpts) have postings of
Latin words and of single characters. Every lookup verifies the literal substring. Ordinals follow the date,
newest first.
"""

import re
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import chain, compress
from operator import add

from bot.search.glossary import Pair, bracketed, learn, plausible
from bot.search.normalize import normalize
from bot.titles import LIKELY_NUMBER, read_title, spread
from storage.model import Post, PostId

TAG_COMMA = "、"
_MOST_FRESH = 256  # posts in the small segment before all are merged
_SHORTEST_PREFIX = 3  # letters
END = "\x00"  # separates title, tags and series: no query holds it, so no word matches across
LATIN_WORD = re.compile(r"[a-z0-9]+")
_COMPOUND = re.compile(r"[a-z0-9]+(?:[-.+][a-z0-9]+)*")
_ONE = ord("1")
_NONE = frozenset[int]()
_LENGTH, _LONG_TITLE = 0.1, 80  # how much a title of so many characters loses
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
    bracketed: str  # Chinese and Latin texts in turn, separated by END


class Field:
    """One text of each post with postings by character and by pair of adjacent characters."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.postings = _postings(texts)
        self._verified = lru_cache(_KEPT)(self._holders)

    def holders(self, text: str) -> Sequence[int]:
        """Return the ordinals of the texts that hold `text`, in order."""
        return self.postings.get(text, ()) if len(text) <= 2 else self._verified(text)

    def occurs(self, text: str) -> bool:
        """Return whether some text holds `text`."""
        if len(text) <= 2:
            return text in self.postings
        return any(text in self.texts[place] for place in self._rarest(text))

    def _holders(self, text: str) -> Sequence[int]:
        return array("I", (place for place in self._rarest(text) if text in self.texts[place]))

    def _rarest(self, text: str) -> Sequence[int]:
        """Return the shortest postings of the pairs of `text`."""
        return min((self.postings.get(pair, ()) for pair in map(add, text, text[1:])), key=len)


class Segment:
    """Postings and columns of some posts, newest first."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: (-row.day, -row.post_id))
        self.ids = array("q", (row.post_id for row in ordered))
        self.days = array("l", (row.day for row in ordered))
        self.readers = array("l", (row.readers for row in ordered))
        self.episodes = [row.episode for row in ordered]
        self.titles = Field([row.title for row in ordered])
        # Many posts share their tags and series: the postings of labels lead to those of posts.
        shared = _by_key()
        for place, row in enumerate(ordered):
            shared[END.join((row.tags, row.series))].append(place)
        self._shared = list(shared.values())
        self._labels = Field(list(shared))
        self.adjacent = (self.titles.postings, self._labels.postings)
        self.labels = [""] * len(ordered)
        for label, places in shared.items():
            for place in places:
                self.labels[place] = label
        self.bodies = [row.body for row in ordered]
        self._bracketed = {row.post_id: row.bracketed for row in ordered if row.bracketed}
        self._signs, self._words = _body_postings(self.bodies)
        self.in_labels = lru_cache(_KEPT)(self._in_labels)
        self.body_candidates = lru_cache(_KEPT)(self._body_candidates)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, without: Set[PostId]) -> Iterator[Row]:
        """Yield the rows whose post is not in `without`."""
        for place, post_id in enumerate(self.ids):
            if post_id not in without:
                tags, series = self.labels[place].split(END)
                yield Row(
                    post_id=PostId(post_id),
                    day=self.days[place],
                    readers=self.readers[place],
                    episode=self.episodes[place],
                    title=self.titles.texts[place],
                    tags=tags,
                    series=series,
                    body=self.bodies[place],
                    bracketed=self._bracketed.get(PostId(post_id), ""),
                )

    def frequency(self, text: str) -> int:
        """Return in how many titles, or in how many tags and series, `text` is, whichever are more."""
        return max(len(self.titles.holders(text)), len(self.in_labels(text)))

    def occurs(self, text: str) -> bool:
        """Return whether some head holds `text`."""
        return self.titles.occurs(text) or self._labels.occurs(text)

    def holds(self, place: int, text: str) -> bool:
        """Return whether the title, the tags or the series at `place` hold `text`."""
        return text in self.titles.texts[place] or text in self.labels[place]

    def has(self, place: int, text: str) -> bool:
        """Return whether the post at `place` holds `text` anywhere."""
        return self.holds(place, text) or text in self.bodies[place]

    def whole_words(self, word: str) -> Set[int]:
        """Return the ordinals of the posts with the Latin `word` in the title, tags or series, as no part."""
        return self._word_places.get(word, _NONE)

    @cached_property
    def _word_places(self) -> dict[str, set[int]]:
        found: defaultdict[str, set[int]] = defaultdict(set)
        for place, (title, label) in enumerate(zip(self.titles.texts, self.labels, strict=True)):
            for word in {*LATIN_WORD.findall(title), *LATIN_WORD.findall(label)}:
                found[word].add(place)
        return dict(found)

    @cached_property
    def pairs(self) -> dict[PostId, tuple[Pair, ...]]:
        """The pairs of terms by post."""
        texts = ((post_id, written.split(END)) for post_id, written in self._bracketed.items())
        found = (
            (post_id, tuple(plausible(zip(each[::2], each[1::2], strict=True)))) for post_id, each in texts
        )
        return {post_id: pairs for post_id, pairs in found if pairs}

    @cached_property
    def of_episode(self) -> dict[int, set[int]]:
        """The ordinals of the posts by number of their episode."""
        found: defaultdict[int, set[int]] = defaultdict(set)
        for place, episode in enumerate(self.episodes):
            if episode is not None:
                found[episode].add(place)
        return dict(found)

    @cached_property
    def brevity(self) -> Sequence[float]:
        """The factor of each title: a short one is about the terms it holds."""
        return array("d", (1 - _LENGTH * min(1.0, len(title) / _LONG_TITLE) for title in self.titles.texts))

    def _in_labels(self, text: str) -> Sequence[int]:
        """Return the ordinals of the posts whose tags or series hold `text`, in order."""
        found = [self._shared[label] for label in self._labels.holders(text)]
        return found[0] if len(found) == 1 else array("I", sorted(set[int]().union(*found)))

    def _body_candidates(self, text: str) -> int:
        """Return the bit set of the posts whose body may hold `text`; bit `ordinal` from the lowest."""
        if len(text) > 2 and LATIN_WORD.fullmatch(text):
            found = [postings for word, postings in self._words.items() if text in word]
            return self.bits(set[int]().union(*found))
        left = (1 << len(self)) - 1
        for sign in set(text):
            match self._signs.get(sign, 0):
                case int() as dense:
                    left &= dense
                case sparse:
                    left &= self.bits(sparse)
            if not left:
                break
        return left

    def places(self, bits: int) -> Iterator[int]:
        """Yield the ordinals of a bit set, newest first."""
        return compress(range(len(self)), f"{bits:0{len(self)}b}"[::-1].encode().translate(_BITS))

    def bits(self, places: Iterable[int]) -> int:
        """Return the bit set of ordinals."""
        return _bits(places, len(self))

    @cached_property
    def head_words(self) -> tuple[str, ...]:
        """The Latin words of all heads in order, compounds both whole and in parts."""
        words: set[str] = set()
        for text in (*self.titles.texts, *self._labels.texts):
            words.update(LATIN_WORD.findall(text))
            words.update(_COMPOUND.findall(text))
        return tuple(sorted(words))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The Latin words of the posts, without plain numbers."""
        return frozenset(word for word in (*self.head_words, *self._words) if not word.isdecimal())


def _postings(texts: Sequence[str]) -> dict[str, "array[int]"]:
    """Return the ordinals by character and by pair of adjacent characters."""
    postings = _by_key()
    for place, text in enumerate(texts):
        for piece in {*text, *map(add, text, text[1:])}:
            postings[piece].append(place)
    return dict(postings)


def _by_key() -> defaultdict[str, "array[int]"]:
    return defaultdict(partial(array, "I"))


def _body_postings(
    bodies: Sequence[str],
) -> tuple[dict[str, "int | array[int]"], dict[str, "array[int]"]]:
    """Return the ordinals by character, as a bit set where dense, and by Latin word."""
    signs, words = _by_key(), _by_key()
    for place, body in enumerate(bodies):
        for sign in set(body):
            signs[sign].append(place)
        for word in set(LATIN_WORD.findall(body)):
            words[word].append(place)
    dense = len(bodies) * _DENSE
    return {s: _bits(each, len(bodies)) if len(each) > dense else each for s, each in signs.items()}, dict(
        words
    )


def _bits(places: Iterable[int], width: int) -> int:
    """Return the bit set of `places`, of which all are below `width`."""
    digits = bytearray(b"0") * (width + 1)
    for place in places:
        digits[width - place] = _ONE
    return int(digits, 2)


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

    @cached_property
    def newest(self) -> int:
        """The id of the post that was stored last; 0 without any."""
        return max((post_id for segment in self.segments for post_id in segment.ids), default=0)

    def occurs(self, text: str) -> bool:
        """Return whether `text` occurs in a head."""
        if len(text) > 2:
            return any(segment.occurs(text) for segment in self.segments)
        # Written out, because pinyin and misspelt words ask for tens of thousands of pairs.
        (titles, labels), (fresh_titles, fresh_labels) = self.main.adjacent, self.fresh.adjacent
        return text in titles or text in labels or text in fresh_titles or text in fresh_labels

    def has_word(self, word: str) -> bool:
        """Return whether a Latin word occurs in a post, or begins a word of a head."""
        if word in self.vocabulary:
            return True
        return len(word) >= _SHORTEST_PREFIX and any(map(self._begins, self.segments, (word, word)))

    @staticmethod
    def _begins(segment: Segment, word: str) -> bool:
        place = bisect_left(segment.head_words, word)
        return place < len(segment.head_words) and segment.head_words[place].startswith(word)

    def partner(self, term: str) -> str | None:
        """Return the learnt Chinese form of an English key, or the Latin one of a Chinese term."""
        return self._learnt.get(term)

    @cached_property
    def _learnt(self) -> dict[str, str]:
        return learn(
            pair
            for segment in self.segments
            for post_id, pairs in segment.pairs.items()
            if segment is not self.main or post_id not in self.hidden
            for pair in pairs
        )

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
    terms = set(bracketed(END.join((post.title, *tags, post.excerpt))))
    return Row(
        post_id=post.id,
        day=post.date.toordinal() if post.date is not None else 0,
        readers=post.readers or 0,
        episode=episode,
        title=normalize(post.title).replace(END, ""),
        tags=normalize(TAG_COMMA.join(tags)).replace(END, ""),
        series=normalize(series or "").replace(END, ""),
        body=normalize(post.excerpt).replace(END, ""),
        bracketed=END.join(chain.from_iterable(sorted(terms))),
    )
