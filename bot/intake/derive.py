"""Data derived from the whole archive: series, dates, inferred tags, mentions and word scopes of posts.

Pure. Recomputed whenever a post is new or edited, because any title can change the reading of others.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import ahocorasick

from bot.intake.series import FIRST_PART, NO_OVERRIDES, Overrides, SeriesMembership, derive_series
from bot.intake.tagging import Vocabulary, infer_tags, learn, tag_key
from bot.intake.year_inference import Dated, HomePage, Undated, infer_dates
from bot.search.index import searched
from bot.search.query import query_words
from bot.site_profile import KEXUE
from bot.titles import flatten, title_key
from storage.model import Certainty, HomeCapture, Mention, Post, PostId, Scope, ScopeKind

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
class Titles:
    """Index of the stored titles for `resolve`; built by `titles_of`."""

    by_key: Mapping[str, PostId]
    by_letters: Mapping[str, PostId | None]  # None if two posts differ by punctuation only
    lines: str  # every key between two line ends
    parts: ahocorasick.Automaton


def references_in(excerpt: str) -> tuple[Mention, ...]:
    """Return the titles in 《》, each once, in their order; of nested 《》 the outer one."""
    found: dict[str, Mention] = {}
    for title, whole in _bracketed(excerpt):
        is_cut = _CUT.search(title) is not None
        # A title without 》 and ellipsis may be any half-sentence.
        if (whole or is_cut) and len(title) <= _LONGEST and _letters(key := title_key(title)):
            kind = ReferenceKind.POST if _HAN.search(title) else ReferenceKind.PAPER
            found.setdefault(key, Mention(title=title, kind=kind, cut=is_cut))
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


def resolve(mention: Mention, titles: Titles) -> PostId | None:
    """Return the post that is named; None if none or more than one matches.

    Matches by title key, or ignoring punctuation (Decoder only, Decoder-only); by prefix for a title that is
    cut or ends with a number (its subtitle left out); by a part: an old or shortened title within a stored
    one, or around it.
    """
    key = title_key(mention.title)
    for post in (titles.by_key.get(key), titles.by_letters.get(_letters(key))):
        if post is not None:
            return post
    if mention.cut:
        beginning = _CUT.sub("", key)
        return _only(_beginning_with(beginning, titles)) if len(beginning) >= _LEAST_BEGINNING else None
    if mention.kind == ReferenceKind.PAPER:
        return None
    if _NUMBERED.search(key):
        return _only(_beginning_with(key, titles, is_number=True))
    post = _only(_part_of(key, titles))
    return post if post is not None else _only(_around(key, titles))


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


def _beginning_with(beginning: str, titles: Titles, *, is_number: bool = False) -> Iterator[PostId]:
    """Yield the posts whose title has this beginning; one that `is_number` ends with its number."""
    for start in _occurrences("\n" + beginning, titles.lines):
        key = _line_at(start + 1, titles)
        if not is_number or not key[len(beginning)].isalnum():
            yield titles.by_key[key]


def _line_at(start: int, titles: Titles) -> str:
    return titles.lines[start : titles.lines.index("\n", start)]


def _part_of(part: str, titles: Titles) -> Iterator[PostId]:
    """Yield the posts whose title has `part` after its beginning: a beginning names a series, not a post.

    A title within 《》 is another post, which the stored one is about.
    """
    if len(part) < _LEAST_PART:
        return
    for place in _occurrences(part, titles.lines):
        if titles.lines[place - 1] not in "\n《":
            yield titles.by_key[_line_at(titles.lines.rindex("\n", 0, place) + 1, titles)]


def _around(key: str, titles: Titles) -> Iterator[PostId]:
    """Yield the posts whose title is at least half of the reference."""
    for _, part in titles.parts.iter(key) if len(titles.parts) else ():
        if 2 * len(part) >= len(key):
            yield titles.by_key[part]


def _occurrences(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


_ZONE = ZoneInfo(KEXUE.time_zone)

Place = tuple[ScopeKind, str, str, bool]  # kind, key, name, inferred


@dataclass(frozen=True, slots=True)
class DerivedData:
    """The posts whose derived fields changed, and the scopes and mentions to write for them."""

    posts: tuple[Post, ...]
    places: Mapping[PostId, tuple[Place, ...]]
    mentions: Mapping[PostId, tuple[Mention, ...]]


NOTHING = DerivedData((), {}, {})


def derive(
    archive: Sequence[Post],
    changed: Collection[PostId],
    captures: Sequence[HomeCapture],
    overrides: Overrides = NO_OVERRIDES,
    zone: ZoneInfo = _ZONE,
) -> DerivedData:
    """Derive the data of the whole `archive`; the posts in `changed` are new or edited.

    `zone` is the time zone of the days that the blog prints.
    """
    membership = derive_series({post.id: post.title for post in archive}, overrides)
    dated = _dated(archive, membership, captures, zone)
    vocabulary = learn([(post.title, post.excerpt, post.tags) for post in archive if post.tags])
    derived = [
        _with_derived_fields(post, membership.get(post.id), dated, vocabulary, infers=post.id in changed)
        for post in archive
    ]
    different = tuple(now for now, post in zip(derived, archive, strict=True) if now != post)
    concerned = {post.id for post in different} | set(changed)
    return DerivedData(
        posts=different,
        places={post.id: places_of(post) for post in derived if post.id in concerned},
        mentions=_mentions(derived, changed),
    )


def _dated(
    archive: Sequence[Post],
    membership: Mapping[int, SeriesMembership],
    captures: Sequence[HomeCapture],
    zone: ZoneInfo,
) -> dict[int, tuple[date, Certainty]]:
    undated, dated = [], []
    for post in archive:
        place = membership.get(post.id)
        key, episode = (place.key, place.episode) if place else (None, None)
        if post.date is not None and post.date_certainty is Certainty.GIVEN:
            dated.append(Dated(id=post.id, date=post.date, series_key=key, episode=episode))
        elif post.month_day is not None:
            undated.append(Undated(id=post.id, month_day=post.month_day, series_key=key, episode=episode))
    if not undated:
        return {}
    pages = [
        HomePage(posts=capture.posts, captured_at=capture.captured_at.astimezone(zone).date())
        for capture in captures
    ]
    return infer_dates(undated, dated, pages)


def _with_derived_fields(
    post: Post,
    place: SeriesMembership | None,
    dated: Mapping[int, tuple[date, Certainty]],
    vocabulary: Vocabulary,
    *,
    infers: bool,
) -> Post:
    """Return the post with its series and date; tags are inferred again if it `infers`."""
    day, certainty = dated.get(post.id, (post.date, post.date_certainty))
    inferred = () if post.tags is not None else post.inferred_tags
    if post.tags is None and infers:
        inferred = infer_tags(vocabulary, post.title, post.excerpt, post.category)
    derived: dict[str, Any] = {"date": day, "date_certainty": certainty, "inferred_tags": inferred}
    derived |= dict.fromkeys(("series", "series_key", "episode", "style"))
    if place is not None:
        derived |= {"series": place.series, "series_key": place.key, "style": place.style}
        # A first part without a number is read, listed and sent before the second.
        derived["episode"] = 1 if place.style == FIRST_PART else place.episode
    is_same = all(getattr(post, name) == value for name, value in derived.items())
    return post if is_same else replace(post, **derived)


def places_of(post: Post) -> tuple[Place, ...]:
    """Return every scope of this post."""
    places: list[Place] = [(ScopeKind.EVERYTHING, "", "", False)]
    if post.series and post.series_key:
        places.append((ScopeKind.SERIES, post.series_key, post.series, False))
    if post.category:
        places.append((ScopeKind.CATEGORY, flatten(post.category).casefold(), post.category, False))
    places += [(ScopeKind.TAG, tag_key(tag), tag, False) for tag in post.tags or ()]
    places += [(ScopeKind.TAG, tag_key(tag), tag, True) for tag in post.inferred_tags]
    return tuple(places)


def _mentions(archive: Sequence[Post], changed: Collection[PostId]) -> dict[PostId, tuple[Mention, ...]]:
    titles = _titles(archive)
    return {
        post.id: tuple(replace(named, target=resolve(named, titles)) for named in references_in(post.excerpt))
        for post in archive
        if post.id in changed
    }


def resolved(
    waiting: Collection[tuple[PostId, int, Mention]], archive: Sequence[Post]
) -> dict[tuple[PostId, int], PostId]:
    """Return the target of each unresolved mention (post, position) that now names a stored post."""
    if not waiting:
        return {}
    titles = _titles(archive)
    targets = {(post, at): resolve(named, titles) for post, at, named in waiting}
    return {place: target for place, target in targets.items() if target is not None}


def _titles(archive: Sequence[Post]) -> Titles:
    known = {key: post.id for post in archive for key, _ in post.aliases}
    return titles_of(known | {post.title_key: post.id for post in archive})


def word_key(words: str) -> str:
    """Return the normal form of a word scope: sorted, case-folded, without duplicates; may be empty."""
    return " ".join(sorted(query_words(words)))


def word_places(posts: Iterable[Post], scopes: Sequence[Scope]) -> dict[PostId, tuple[Place, ...]]:
    """Return for each post the word scopes all of whose words occur in its title, tags or excerpt."""
    led: dict[str, list[tuple[frozenset[str], Scope]]] = {}
    automaton = ahocorasick.Automaton()
    for scope in scopes:
        if words := frozenset(query_words(scope.name)):
            # The longest word is the rarest: the others are checked only if it occurs.
            led.setdefault(max(words, key=lambda word: (len(word), word)), []).append((words, scope))
        for word in words:
            automaton.add_word(word, word)
    if not led:
        return {}
    automaton.make_automaton()
    return {post.id: places for post in posts if (places := _word_places(automaton, led, searched(post)))}


def _word_places(
    automaton: ahocorasick.Automaton, led: Mapping[str, Sequence[tuple[frozenset[str], Scope]]], text: str
) -> tuple[Place, ...]:
    occurring = {word for _, word in automaton.iter(text)}
    found = [scope for word in occurring for words, scope in led.get(word, ()) if words <= occurring]
    found.sort(key=lambda scope: scope.id)
    return tuple((ScopeKind.WORD, scope.key, scope.name, False) for scope in found)
