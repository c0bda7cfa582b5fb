"""Search over titles, tags and excerpts, in memory.

Owns what matches, what goes first, and the context in which it is shown. Knows no storage: the posts are
handed over, and handed over again when they change.
"""

import re
from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import compress, islice
from operator import add
from typing import TypeVar

from bot.search.normalize import normalize, normalize_with_offsets
from storage.model import Post, PostId

T = TypeVar("T")

_COLUMNS = 4096  # a text of 500 signs is in about a tenth of them
_BITS = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class BigramFilter:
    """The bits of all texts by column; the first text is the highest of `width` bits.

    With `singles` each sign has a column too; without, words of one sign pass every text.
    """

    bits: tuple[int, ...] = ()
    width: int = 0
    singles: bool = False

    def candidates(self, things: Sequence[T], words: Iterable[str]) -> Iterable[T]:
        """Of things in the order of the texts, those whose text may hold all the words; in that order."""
        if not things:
            return ()
        left = (1 << self.width) - 1
        for word in words:
            for column in _columns(word, self.singles):
                left &= self.bits[column]
        return compress(things, f"{left:0{self.width}b}".encode().translate(_BITS))


def columns_of(texts: Sequence[str], *, singles: bool = False) -> BigramFilter:
    """The columns of `texts`; with `singles` they take half as long again to make."""
    size = (len(texts) + 7) // 8
    rows = [bytearray(size) for _ in range(_COLUMNS)]
    for place, text in enumerate(texts):
        byte, bit = place >> 3, 128 >> (place & 7)
        for column in _columns(text, singles):
            rows[column][byte] |= bit
    return BigramFilter(tuple(int.from_bytes(row) for row in rows), 8 * size, singles)


def _columns(text: str, singles: bool) -> set[int]:
    pieces = set(map(add, text, text[1:]))
    if singles:
        pieces.update(text)
    return {hash(piece) % _COLUMNS for piece in pieces}


LONGEST_QUERY = 100  # characters; nobody types more, and a pasted text should not become a hundred words
MOST_HITS = 500  # nobody turns more pages than that
_BEFORE, _AFTER = 24, 56  # characters of context around the first match
_LONGEST_FORMULA = 80  # a formula up to this long is not cut in two at the edge of the context
_FORMULA = re.compile(r"\$[^$]+\$")
_MOST_FRESH = 256  # posts that are looked at one by one before all are sifted anew
_BREAKS = re.compile(r"\s+")
_TAG_COMMA = "、"
_END = "\x00"  # between title, tags and excerpt: no query holds it, so no word matches across

Snippet = tuple[tuple[str, bool], ...]  # pieces of the original text, True where they match


class FieldRank(StrEnum):
    """The part of a post in which the words were found; where they are spread, the last part needed."""

    TITLE = "title"
    TAG = "tag"
    EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    post_id: PostId
    rank: tuple[int, int]  # the newest first
    title: str
    tags: tuple[str, ...]
    excerpt: str
    folded: tuple[str, str, str]  # title; title and tags; all three: what is looked at for each Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The posts as they are searched: most sifted into columns, what came lately still apart in `fresh`."""

    entries: tuple[_Entry, ...] = ()  # newest first
    heads: BigramFilter = field(default_factory=BigramFilter)  # of their titles and tags
    texts: BigramFilter = field(default_factory=BigramFilter)  # of all
    fresh: tuple[_Entry, ...] = ()
    hidden: frozenset[PostId] = frozenset()  # of `entries`: replaced by a fresh one, or gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A post that has all the words."""

    post_id: PostId
    where: FieldRank
    _entry: _Entry
    _words: tuple[str, ...]

    @property
    def snippet(self) -> Snippet:
        """The title, the tags or some of the excerpt, with the words marked."""
        match self.where:
            case FieldRank.TITLE:
                return _marked(self._entry.title, self._words, whole=True)
            case FieldRank.TAG:
                return _marked(_TAG_COMMA.join(self._entry.tags), self._words, whole=True)
            case FieldRank.EXCERPT:
                return _marked(self._entry.excerpt, self._words, whole=False)


def build(posts: Iterable[Post]) -> Index:
    """The index of all posts; takes about half a millisecond for each: thousands are work for a thread."""
    return _sifted(map(_entry, posts))


def update(index: Index, changed: Iterable[Post], gone: Collection[PostId] = ()) -> Index:
    """The index with some posts replaced or added, and those `gone` left out; quick while they are few."""
    fresh = {entry.post_id: entry for entry in index.fresh}
    fresh |= {post.id: _entry(post) for post in changed}
    hidden = index.hidden | fresh.keys() | set(gone)
    waiting = [entry for id_, entry in fresh.items() if id_ not in gone]
    if len(waiting) > _MOST_FRESH:
        return _sifted([*(entry for entry in index.entries if entry.post_id not in hidden), *waiting])
    return replace(index, fresh=tuple(waiting), hidden=hidden)


def search(index: Index, words: str, most: int = MOST_HITS) -> tuple[Hit, ...]:
    """The posts that have all of `words`, at most `most`: title before tag before excerpt, then newest.

    Words are parted by blanks; each may be a single sign, and matches within longer words. A query is cut at
    `LONGEST_QUERY`; one without any word finds nothing.
    """
    wanted = query_words(words)
    if not wanted:
        return ()
    heads = _candidates(index, index.heads, wanted)
    hits: dict[PostId, Hit] = {}
    for part, where in enumerate(FieldRank):
        found: Iterable[_Entry] = heads
        if where is FieldRank.EXCERPT:
            found = _candidates(index, index.texts, wanted)
        for word in wanted:
            found = _having(word, part, found)
        new = (entry for entry in found if entry.post_id not in hits)
        for entry in islice(new, most - len(hits)):
            hits[entry.post_id] = Hit(post_id=entry.post_id, where=where, _entry=entry, _words=wanted)
    return tuple(hits.values())


def query_words(query: str) -> tuple[str, ...]:
    """The words of a query as they are compared, each once."""
    folded = (normalize(word).replace(_END, "") for word in query[:LONGEST_QUERY].split())
    return tuple(dict.fromkeys(word for word in folded if word))


def searched(post: Post) -> str:
    """All of a post that words are looked for in, folded."""
    return _entry(post).folded[2]


def _having(word: str, part: int, entries: Iterable[_Entry]) -> Iterator[_Entry]:
    return (entry for entry in entries if word in entry.folded[part])


def _candidates(index: Index, columns: BigramFilter, words: Sequence[str]) -> list[_Entry]:
    """Whatever may have all the words, newest first."""
    likely = list(columns.candidates(index.entries, words))
    if index.hidden:
        likely = [entry for entry in likely if entry.post_id not in index.hidden]
    for entry in index.fresh:
        insort(likely, entry, key=_rank)
    return likely


def _sifted(entries: Iterable[_Entry]) -> Index:
    newest_first = tuple(sorted(entries, key=_rank))
    return Index(
        entries=newest_first,
        heads=columns_of([entry.folded[1] for entry in newest_first], singles=True),
        texts=columns_of([entry.folded[2] for entry in newest_first]),
    )


def _rank(entry: _Entry) -> tuple[int, int]:
    return entry.rank


def _entry(post: Post) -> _Entry:
    tags = post.inferred_tags if post.tags is None else post.tags
    title = normalize(post.title)
    head = _END.join((title, normalize(_TAG_COMMA.join(tags))))
    return _Entry(
        post_id=post.id,
        rank=(-(post.date or date.min).toordinal(), -post.id),
        title=post.title,
        tags=tags,
        excerpt=post.excerpt,
        folded=(title, head, _END.join((head, normalize(post.excerpt)))),
    )


def _marked(text: str, words: Sequence[str], *, whole: bool) -> Snippet:
    formulas = [formula.span() for formula in _FORMULA.finditer(text)]
    spans = _spans(text, words, formulas)
    if not spans:
        return ()
    start, end = (0, len(text)) if whole else _window(len(text), spans[0], formulas)
    pieces: list[tuple[str, bool]] = []
    done, lead = start, "…" if start else ""
    for begin, close in spans:
        if close <= end:
            pieces += [(lead + text[done:begin], False), (text[begin:close], True)]
            done, lead = close, ""
    pieces.append((text[done:end] + ("…" if end < len(text) else ""), False))
    return tuple((_BREAKS.sub(" ", piece), match) for piece, match in pieces if piece)


def _spans(text: str, words: Sequence[str], formulas: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where the words stand in the original, merged where they touch; within a formula, the whole formula."""
    traced = normalize_with_offsets(text)
    found: list[tuple[int, int]] = []
    for word in words:
        place = traced.text.find(word)
        while place >= 0:
            found.append((traced.starts[place], traced.ends[place + len(word) - 1]))
            place = traced.text.find(word, place + len(word))
    found += [formula for formula in formulas if any(_overlap(formula, span) for span in found)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(length: int, match: tuple[int, int], formulas: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The context of a match; a formula at its edge is taken whole if it is short, else left out."""
    start, end = max(0, match[0] - _BEFORE), min(length, match[1] + _AFTER)
    for opens, closes in formulas:
        short = closes - opens <= _LONGEST_FORMULA
        if opens < start < closes:
            start = opens if short else closes
        if opens < end < closes:
            end = closes if short else opens
    return min(start, match[0]), max(end, match[1])


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
