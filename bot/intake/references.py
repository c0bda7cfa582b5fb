"""Parser and resolver of 《…》 references in excerpts: papers, and posts of the blog.

A 《…》 in Chinese may also be a film or a book: an unresolved reference is a missing post only if its title
reads as an episode of a stored series.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import ahocorasick

from bot.titles import title_key
from storage.model import PostId

_HAN = re.compile(r"[\u3400-\u9fff]")
_CUT = re.compile(r"(?:…+|\.{3,})$")
_NUMBERED = re.compile(r"(?:\d|\d[)）]|[一二三四五六七八九十上中下][)）])$")
_NO_LETTER = re.compile(r"[\W_]+")
_LONGEST = 120  # characters; the blog's longest title has 41, papers rarely more than 120
_LEAST_BEGINNING = 5  # characters of a cut title, to be specific enough
_LEAST_PART = 6  # characters of a title's part, likewise


class ReferenceKind(StrEnum):
    POST = "post"
    PAPER = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleReference:
    """A title between 《 and 》; `cut`: only its beginning, followed by an ellipsis."""

    title: str
    key: str
    kind: ReferenceKind
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """Index of the stored titles for `resolve`; built by `titles_of`."""

    by_key: Mapping[str, PostId]
    by_letters: Mapping[str, PostId | None]  # None if two posts differ by punctuation only
    lines: str  # every key between two line ends
    parts: ahocorasick.Automaton


def references_in(excerpt: str) -> tuple[TitleReference, ...]:
    """Return the titles in 《》, each once, in their order; of nested 《》 the outer one."""
    found: dict[str, TitleReference] = {}
    for title, whole in _bracketed(excerpt):
        ellipsis = _CUT.search(title)
        # A title without 》 and ellipsis may be any half-sentence.
        if not (whole or ellipsis) or len(title) > _LONGEST:
            continue
        mention = TitleReference(
            title=title,
            key=title_key(title),
            kind=ReferenceKind.POST if _HAN.search(title) else ReferenceKind.PAPER,
            cut=ellipsis is not None,
        )
        if _NO_LETTER.sub("", mention.key):
            found.setdefault(mention.key, mention)
    return tuple(found.values())


def titles_of(known_keys: Mapping[str, PostId]) -> Titles:
    """Build the index of title key → post for `resolve`; reusable for many references."""
    by_letters: dict[str, PostId | None] = {}
    for key, post in known_keys.items():
        letters = _letters(key)
        by_letters[letters] = post if by_letters.get(letters, post) == post else None
    parts = ahocorasick.Automaton()
    for key in known_keys:
        if len(key) >= _LEAST_PART:
            parts.add_word(key, key)
    parts.make_automaton()
    return Titles(
        by_key=known_keys, by_letters=by_letters, lines="\n" + "\n".join(known_keys) + "\n", parts=parts
    )


def resolve(mention: TitleReference, titles: Titles) -> PostId | None:
    """Return the post that is named; None if none or more than one matches.

    Matches by title key, or ignoring punctuation (Decoder only, Decoder-only); by prefix for a title that is
    cut or ends with a number (its subtitle left out); by a part: an old or shortened title within a stored
    one, or around it.
    """
    if (post := titles.by_key.get(mention.key)) is not None:
        return post
    if (post := titles.by_letters.get(_letters(mention.key))) is not None:
        return post
    if mention.cut:
        beginning = _CUT.sub("", mention.key)
        return _only(_beginning_with(beginning, titles)) if len(beginning) >= _LEAST_BEGINNING else None
    if mention.kind is ReferenceKind.PAPER:
        return None
    if _NUMBERED.search(mention.key):
        return _only(
            post
            for key, post in _keys_beginning_with(mention.key, titles)
            if not key[len(mention.key)].isalnum()
        )
    post = _only(_part_of(mention.key, titles))
    return post if post is not None else _only(_around(mention.key, titles))


def _bracketed(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the text between each 《 and its 》; False with the last one if its 》 is missing."""
    if "《" not in text:
        return
    depth = start = 0
    for sign in re.finditer("[《》]", text):
        if sign[0] == "《":
            depth += 1
            start = sign.end() if depth == 1 else start
        elif depth:
            depth -= 1
            if not depth:
                yield text[start : sign.start()].strip(), True
    if depth:
        yield text[start:].strip(), False


def _letters(key: str) -> str:
    return _NO_LETTER.sub("", key).casefold()


def _only(posts: Iterator[PostId]) -> PostId | None:
    found = set(posts)
    return found.pop() if len(found) == 1 else None


def _keys_beginning_with(beginning: str, titles: Titles) -> Iterator[tuple[str, PostId]]:
    for start in _places("\n" + beginning, titles.lines):
        key = titles.lines[start + 1 : titles.lines.index("\n", start + 1)]
        yield key, titles.by_key[key]


def _beginning_with(beginning: str, titles: Titles) -> Iterator[PostId]:
    return (post for _, post in _keys_beginning_with(beginning, titles))


def _part_of(part: str, titles: Titles) -> Iterator[PostId]:
    """Yield the posts whose title has `part` after its beginning: a beginning names a series, not a post.

    A title within 《》 is another post, which the stored one is about.
    """
    if len(part) < _LEAST_PART:
        return
    for place in _places(part, titles.lines):
        if titles.lines[place - 1] not in "\n《":
            start = titles.lines.rindex("\n", 0, place) + 1
            yield titles.by_key[titles.lines[start : titles.lines.index("\n", start)]]


def _around(key: str, titles: Titles) -> Iterator[PostId]:
    """Yield the posts whose title is at least half of the reference."""
    for _, part in titles.parts.iter(key) if len(titles.parts) else ():
        if 2 * len(part) >= len(key):
            yield titles.by_key[part]


def _places(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)
