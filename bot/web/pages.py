"""Pages of the reading room: each function turns a snapshot into the values of one template."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from bot.archive_queries import with_gaps
from bot.chat.browse import MOST_CITED, found, related_notes
from bot.messages.citation import bibtex, citation
from bot.messages.i18n import Words
from bot.messages.links import paper_urls, post_url
from bot.messages.post_lists import Gap, Line, Span
from bot.messages.web import posts_in
from bot.search.index import Index
from bot.search.ranker import Hit
from bot.web.charts import heat_map, readers_chart, series_map
from bot.web.content import excerpt_html, page_formula
from bot.web.snapshot import Snapshot
from storage.model import Mention, Post, PostId, Scope, ScopeKind

PER_PAGE = 30
PATHS = {ScopeKind.SERIES: "series", ScopeKind.TAG: "tag", ScopeKind.CATEGORY: "category"}
RELATED = 8

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a post's page needs beyond the snapshot."""

    mentions: Sequence[Mention]
    readers: Sequence[tuple[datetime, int]]  # by capture time
    index: Index


@dataclass(frozen=True, slots=True)
class Row:
    """One post in a list; `id` is None for a part of a series that is not stored."""

    id: PostId | None
    title: str
    day: str
    readers: str
    label: str | None = None
    note: str | None = None
    context: str | None = None  # where a search matches


def row(
    post: Post, words: Words, title: str | None = None, label: str | None = None, note: str | None = None
) -> Row:
    """Return the row of `post`; `title` replaces its own within a series."""
    readers = "" if post.readers is None else words.short_number(post.readers)
    return Row(post.id, title or post.title, words.date_of(post) or "", readers, label, note)


def hit_row(post: Post, hit: Hit, words: Words) -> Row:
    """Return the row of a search result, with its matches marked."""
    shown = found(post, hit)
    context = None
    if shown.context:
        source = words.text("标签") if shown.in_tags else words.text("摘要")
        guessed = "≈ " if shown.in_tags and post.tags is None else ""
        context = Markup("{} · {}{}").format(source, guessed, _marked(shown.context))
    return replace(row(post, words, _marked(shown.title)), context=context)


def _marked(spans: Sequence[Span]) -> Markup:
    template = Markup("<mark>{}</mark>")
    return Markup("").join(template.format(span.text) if span.hit else span.text for span in spans)


def latest(archive: Snapshot, words: Words, number: int) -> Values:
    """Return one page of all posts, newest first."""
    return {"heading": None, **_paged(archive.posts, words, number), "home": number == 1}


def index(archive: Snapshot, words: Words, kind: ScopeKind) -> Values:
    """Return all series, tags or categories with their number of posts; the latest series first."""
    counted = archive.scopes.get(kind, ())
    if kind is ScopeKind.SERIES:
        counted = tuple(sorted(counted, key=lambda each: (each.last or date.min, each.posts), reverse=True))
    entries = [
        {
            "id": each.scope.id,
            "name": each.scope.name,
            "posts": posts_in(words, each.posts),
            "count": each.posts,
            "last": each.last or "",
            "post_ids": [post.id for post in archive.posts_of(each.scope.id)],  # shown of a series only
        }
        for each in counted
    ]
    return {"entries": entries, "path": PATHS[kind]}


def scope(archive: Snapshot, words: Words, scope: Scope, number: int) -> Values:
    """Return the posts of a scope, a series with its gaps."""
    posts = archive.posts_of(scope.id)
    common: Values = {"heading": scope.name, "scope": scope, "kind": scope.kind.value}
    if scope.kind is not ScopeKind.SERIES:
        return {**common, **_paged(posts, words, number)}
    entries = with_gaps(posts, scope, archive.missing)
    rows = [_series_row(entry, words) for entry in entries]
    total, known = posts_in(words, len(posts)), len(entries)
    return {**common, "rows": rows, "total": total, "known": known, "number": 1, "of": 1}


def _series_row(entry: Line | Gap, words: Words) -> Row:
    if isinstance(entry, Gap):
        return Row(None, entry.title or words.text("未收录"), "", "", str(entry.episode))
    return row(entry.post, words, entry.title, entry.label)


def years(archive: Snapshot, words: Words) -> Values:
    """Return a heat map and a list of months for each year, newest first."""
    days: dict[int, Counter[date]] = defaultdict(Counter)
    for post in archive.posts:
        if post.date is not None:
            days[post.date.year][post.date] += 1
    shown = [
        {
            "year": year,
            "total": posts_in(words, count.total()),
            "heat": heat_map(year, count, str(year)),
            "months": {day.month for day in count},
        }
        for year, count in sorted(days.items(), reverse=True)
    ]
    return {"years": shown, "undated": sum(post.date is None for post in archive.posts)}


def month(archive: Snapshot, words: Words, year: int, number: int) -> Values | None:
    """Return the posts of a month; None if there are none."""
    posts = [
        post for post in archive.posts if post.date and (post.date.year, post.date.month) == (year, number)
    ]
    if not posts:
        return None
    return {"heading": words.month(year, number), **_paged(posts, words, 1, per_page=len(posts))}


def card(archive: Snapshot, words: Words, post: Post, details: Details) -> Values:
    """Return everything that is known of a post."""
    parts = archive.scope(post.series_id, ScopeKind.SERIES) if post.series_id is not None else None
    episodes = archive.posts_of(parts.scope.id) if parts is not None else ()
    at = next((place for place, each in enumerate(episodes) if each.id == post.id), None)
    own = post.tags or ()
    return {
        "post": post,
        "day": words.date_of(post),
        "readers": None if post.readers is None else words.count("{n} 位读者", post.readers),
        "excerpt": excerpt_html(post.excerpt, page_formula),
        "address": post_url(post, words.site),
        "series": None if parts is None else parts.scope,
        "previous": _neighbour(episodes, at, -1, words),
        "next": _neighbour(episodes, at, 1, words),
        "category_id": archive.by_name.get((ScopeKind.CATEGORY, post.category or "")),
        "tag_ids": [(tag, archive.by_name.get((ScopeKind.TAG, tag))) for tag in own],
        "inferred_ids": [
            (tag, archive.by_name.get((ScopeKind.TAG, tag))) for tag in post.inferred_tags if tag not in own
        ],
        "related": related(archive, words, post, details.index),
        "papers": [
            (paper.title, paper_urls(paper.title)) for paper in details.mentions if paper.kind == "paper"
        ],
        "citation": citation(post, words.site),
        "bibtex": bibtex(post, words.site),
        "chart": readers_chart(details.readers, words.text("阅读数的变化")),
    }


def related(archive: Snapshot, words: Words, post: Post, index: Index) -> list[Row]:
    """Return the first related posts with their reasons, which are those of the chat."""
    cited = archive.cited.get(post.id, [])
    citing_same = {
        other: archive.by_id[one].title
        for one in cited[:MOST_CITED]
        if one in archive.by_id
        for other in archive.citing[one]
    }
    notes = related_notes(index, post, cited, archive.citing.get(post.id, []), citing_same, words)
    known = [(archive.by_id[each], note) for each, note in notes.items() if each in archive.by_id]
    return [row(each, words, note=note) for each, note in known[:RELATED]]


def chart_of_series(archive: Snapshot, words: Words, suffix: str) -> Values:
    """Return the map of all series and the mentions between their posts."""
    counted = sorted(archive.scopes.get(ScopeKind.SERIES, ()), key=lambda each: each.posts, reverse=True)
    groups = [(each.scope, archive.posts_of(each.scope.id)) for each in counted]
    shown = series_map(groups, archive.references, words.text("系列地图"), suffix)
    return {"map": shown, "groups": len(groups)}


def _neighbour(episodes: Sequence[Post], at: int | None, step: int, words: Words) -> Row | None:
    if at is None or not 0 <= at + step < len(episodes):
        return None
    return row(episodes[at + step], words)


def _paged(posts: Sequence[Post], words: Words, number: int, per_page: int = PER_PAGE) -> Values:
    of = max(1, -(-len(posts) // per_page))
    number = min(max(number, 1), of)
    part = posts[(number - 1) * per_page : number * per_page]
    return {
        "rows": [row(post, words) for post in part],
        "number": number,
        "of": of,
        "total": posts_in(words, len(posts)),
    }
