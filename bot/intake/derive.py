"""Data derived from the whole archive: series, dates, inferred tags, mentions and word scopes of posts.

Pure. Recomputed whenever a post is new or edited, because any title can change the reading of others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import ahocorasick

from bot.intake.references import ReferenceKind, Titles, references_in, resolve, titles_of
from bot.intake.references import TitleReference as Named
from bot.intake.series import NO_OVERRIDES, Overrides, SeriesMembership, Titled, derive_series
from bot.intake.tagging import Vocabulary, infer_tags, learn, tag_key
from bot.intake.year_inference import Dated, HomePage, Undated, infer_dates
from bot.search.index import searched
from bot.search.query import query_words
from bot.site_profile import KEXUE
from bot.titles import flatten, title_key
from storage.model import Certainty, HomeCapture, Mention, Post, PostId, Scope, ScopeKind

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
    membership = derive_series([Titled(id=post.id, title=post.title) for post in archive], overrides)
    dated = _dated(archive, membership, captures, zone)
    vocabulary = learn([(post.title, post.excerpt, post.tags) for post in archive if post.tags])
    understood = [
        _understood(post, membership.get(post.id), dated, vocabulary, tags_anew=post.id in changed)
        for post in archive
    ]
    different = [
        now for now, post in zip(understood, archive, strict=True) if now != post or post.id in changed
    ]
    return DerivedData(
        posts=tuple(now for now, post in zip(understood, archive, strict=True) if now != post),
        places={post.id: places_of(post) for post in different},
        mentions=_mentions(understood, changed),
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


def _understood(
    post: Post,
    place: SeriesMembership | None,
    dated: Mapping[int, tuple[date, Certainty]],
    vocabulary: Vocabulary,
    *,
    tags_anew: bool,
) -> Post:
    day: date | None
    day, certainty = dated.get(post.id, (post.date, post.date_certainty))
    inferred = post.inferred_tags
    if post.tags is not None:
        inferred = ()
    elif tags_anew:
        inferred = infer_tags(vocabulary, post.title, post.excerpt, post.category)
    series = (place.series, place.key, place.episode, place.style) if place else (None, None, None, None)
    before = (post.series, post.series_key, post.episode, post.style)
    if (day, certainty, inferred, series) == (post.date, post.date_certainty, post.inferred_tags, before):
        return post
    return replace(
        post,
        date=day,
        date_certainty=certainty,
        inferred_tags=inferred,
        series=series[0],
        series_key=series[1],
        episode=series[2],
        style=series[3],
    )


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
        post.id: tuple(
            Mention(title=named.title, kind=named.kind, cut=named.cut, target=_target(named, titles))
            for named in references_in(post.excerpt)
        )
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
    targets = {(post, at): _target(_named(named), titles) for post, at, named in waiting}
    return {place: target for place, target in targets.items() if target is not None}


def _named(mention: Mention) -> Named:
    return Named(
        title=mention.title, key=title_key(mention.title), kind=ReferenceKind(mention.kind), cut=mention.cut
    )


def _titles(archive: Sequence[Post]) -> Titles:
    known = {key: post.id for post in archive for key, _ in post.aliases}
    return titles_of(known | {post.title_key: post.id for post in archive})


def _target(named: Named, titles: Titles) -> PostId | None:
    found = resolve(named, titles)
    return None if found is None else PostId(found)


def word_key(words: str) -> str:
    """Return the normal form of a word scope: sorted, case-folded, without duplicates; may be empty."""
    return " ".join(sorted(query_words(words)))


def word_places(posts: Iterable[Post], scopes: Sequence[Scope]) -> dict[PostId, tuple[Place, ...]]:
    """Return for each post the word scopes all of whose words occur in its title, tags or excerpt."""
    wanted = [(frozenset(query_words(scope.name)), scope) for scope in scopes]
    led: dict[str, list[tuple[frozenset[str], Scope]]] = {}
    for words, scope in wanted:
        if words:
            # The longest word is the rarest: the others are checked only if it occurs.
            led.setdefault(max(words, key=lambda word: (len(word), word)), []).append((words, scope))
    if not led:
        return {}
    automaton = ahocorasick.Automaton()
    for word in {word for words, _ in wanted for word in words}:
        automaton.add_word(word, word)
    automaton.make_automaton()
    return {post.id: places for post in posts if (places := _places(automaton, led, searched(post)))}


def _places(
    automaton: ahocorasick.Automaton, led: dict[str, list[tuple[frozenset[str], Scope]]], text: str
) -> tuple[Place, ...]:
    occurring = {word for _, word in automaton.iter(text)}
    found = [scope for word in occurring for words, scope in led.get(word, ()) if words <= occurring]
    return tuple((ScopeKind.WORD, scope.key, scope.name, False) for scope in sorted(found, key=_number))


def _number(scope: Scope) -> int:
    return scope.id
