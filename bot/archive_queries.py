"""Queries of the archive for the views: facts of a card, pages of lists, statistics."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.intake.series import short_title
from bot.messages.cards import CardFacts, Growth, SeriesPlace
from bot.messages.elements import PER_PAGE, Page, page_count, page_of
from bot.messages.post_lists import Gap, Line
from bot.messages.scope_pages import Neighbour, SeriesFacts
from bot.messages.statistics import Figures, SeriesGrowth
from bot.titles import read_title
from storage.database import Transaction
from storage.model import DestinationId, ExcerptLength, Post, PostId, Scope, ScopeId, ScopeKind


async def card_facts(
    tx: Transaction,
    post: Post,
    *,
    excerpt: ExcerptLength = ExcerptLength.FULL,
    bot: str | None = None,
    destination: DestinationId | None = None,
    reader: int | None = None,
) -> CardFacts:
    """Return the facts of one card for a destination, with the bookmarks of `reader` if there is one."""
    places = await tx.scopes.of_post(post.id)
    mentions = await tx.posts.mentions_in(post.id)
    cited = {mention.target for mention in mentions if mention.target is not None}
    citing = {citing.id for citing in await tx.posts.mentioning(post.id)}
    grown = await tx.posts.growth(post.id)
    marks = await tx.bookmarks.of(reader, post.id) if reader is not None else None
    return CardFacts(
        post=post,
        series=await _series_place(tx, post, destination),
        growth=None if grown is None else Growth(readers=grown.gained, days=days_between(grown.over)),
        tags=tuple(scope for scope, inferred in places if scope.kind is ScopeKind.TAG and not inferred),
        inferred=tuple(scope for scope, inferred in places if scope.kind is ScopeKind.TAG and inferred),
        related=len((cited | citing) - {post.id}),
        papers=sum(mention.kind == "paper" for mention in mentions),
        saved=None if marks is None else marks.saved,
        read=None if marks is None else marks.read,
        excerpt=excerpt,
        bot=bot,
    )


async def _series_place(tx: Transaction, post: Post, destination: DestinationId | None) -> SeriesPlace | None:
    """Return the place of `post` among the stored episodes of its series."""
    scope = await tx.scopes.get(post.series_id) if post.series_id is not None else None
    episodes = await tx.posts.of_series(scope.id) if scope is not None else ()
    if scope is None or not episodes:
        return None
    wanted = await tx.destinations.subscribed_to(destination) if destination is not None else ()
    at = next((i for i, episode in enumerate(episodes) if episode.id == post.id), 0)
    return SeriesPlace(
        scope=scope,
        position=post.episode or at + 1,
        of=max([len(episodes), *(episode.episode or 0 for episode in episodes)]),
        previous=_neighbour(episodes[at - 1] if at > 0 else None),
        next=_neighbour(episodes[at + 1] if at + 1 < len(episodes) else None),
        subscribed=scope.id in wanted,
    )


def _neighbour(post: Post | None) -> Neighbour | None:
    return Neighbour(post=post.id, episode=post.episode) if post is not None else None


def days_between(captures: timedelta) -> int | None:
    """Return the days between two captures, None under a day: files copied at once have almost one time."""
    return round(captures / timedelta(days=1)) if captures >= timedelta(days=1) else None


MOST_READ = 8
LONGEST_SERIES = 4
LEAST_EPISODES = 2


async def archive_figures(tx: Transaction) -> Figures:
    posts = await tx.posts.everything()
    per_year = Counter(post.date.year for post in posts if post.date is not None)
    years = range(min(per_year), max(per_year) + 1) if per_year else range(0)
    read = sorted((p for p in posts if p.readers), key=lambda p: (-(p.readers or 0), p.id))
    days = {
        name: tuple(sorted(p.date for p in posts if p.series == name and p.date is not None))
        for name in {p.series for p in posts if p.series}
    }
    longest = sorted((-len(dates), name) for name, dates in days.items() if len(dates) >= LEAST_EPISODES)
    return Figures(
        posts=len(posts),
        series_count=len(await tx.scopes.counted(ScopeKind.SERIES)),
        readers=sum(p.readers or 0 for p in posts),
        years=tuple((year, per_year[year]) for year in years),
        most_read=tuple(read[:MOST_READ]),
        series=tuple(SeriesGrowth(name=name, days=days[name]) for _, name in longest[:LONGEST_SERIES]),
    )


async def latest_page(tx: Transaction, number: int, size: int = PER_PAGE) -> Page[Line]:
    total = await tx.posts.count()
    of = page_count(total)
    number = min(max(number, 1), of)
    posts = await tx.posts.latest(size, (number - 1) * PER_PAGE)
    return Page(items=lines(posts), number=number, of=of, total=total)


async def tag_page(tx: Transaction, scope: Scope, number: int) -> tuple[Page[Line], int]:
    """Return the posts of a tag or category, newest first, and how many have it inferred from the title."""
    posts = await tx.posts.of_scope(scope.id)
    inferred = sum(scope.name not in (post.tags or ()) for post in posts)
    return page_of(lines(posts), number), inferred if scope.kind is ScopeKind.TAG else 0


async def series_page(
    tx: Transaction,
    scope: Scope,
    number: int,
    *,
    subscribed: bool,
    read: frozenset[PostId] = frozenset(),
) -> tuple[SeriesFacts, Page[Line | Gap]]:
    """Return a series in the order of its episodes with its gaps; posts in `read` are marked.

    Page 0 is the one with the next unread episode.
    """
    posts = await tx.posts.of_series(scope.id)
    mentioned = [mention.title for _, _, mention in await tx.posts.unresolved()]
    entries = with_gaps(posts, scope, mentioned, read)
    days = sorted((post.date.year, post.date.month) for post in posts if post.date)
    unread = next_unread(posts, read)
    facts = SeriesFacts(
        scope=scope,
        have=len(posts),
        known=known_count(entries),
        span=(days[0], days[-1]) if days else None,
        read=sum(post.id in read for post in posts),
        next=_neighbour(unread),
        subscribed=subscribed,
    )
    if number == 0 and unread is not None:
        at = next(i for i, line in enumerate(entries) if isinstance(line, Line) and line.post.id == unread.id)
        number = at // PER_PAGE + 1
    return facts, page_of(entries, number)


async def episodes_numbered(tx: Transaction, series: Iterable[Scope], number: int) -> dict[ScopeId, PostId]:
    """Return the first post with this number of each series that has one."""
    found: dict[ScopeId, PostId] = {}
    for scope in series:
        for post in await tx.posts.of_series(scope.id):
            if post.episode == number:
                found.setdefault(scope.id, post.id)
    return found


def next_unread(episodes: Sequence[Post], read: frozenset[PostId]) -> Post | None:
    """Return the first of the stored `episodes` that is not read."""
    return next((post for post in episodes if post.id not in read), None)


def known_count(entries: Iterable[Line | Gap]) -> int:
    """Return the number of episodes, stored or not."""
    return sum(entry.count if isinstance(entry, Gap) else 1 for entry in entries)


def with_gaps(
    posts: Sequence[Post],
    scope: Scope,
    mentioned: Iterable[str],
    read: frozenset[PostId] = frozenset(),
) -> list[Line | Gap]:
    """Return the episodes and a gap for every lower number that no stored post has.

    Neighbouring gaps without a title are folded into one entry.
    """
    titles: dict[int, str] = {}
    for title in mentioned:
        reading = read_title(title)
        if reading is not None and reading.key == scope.key:
            titles.setdefault(reading.episode, short_title(title, scope.name))
    have = {post.episode for post in posts if post.episode is not None}
    known = have | set(titles)
    missing = [n for n in range(1, max(known, default=0) + 1) if n not in have]
    numbered = [episode_line(post, read) for post in posts if post.episode is not None]
    merged: list[Line | Gap] = [*numbered, *_folded(missing, titles)]
    merged.sort(key=_episode)
    return [*merged, *(episode_line(post, read) for post in posts if post.episode is None)]


def _folded(missing: Sequence[int], titles: Mapping[int, str]) -> list[Gap]:
    gaps: list[Gap] = []
    for n in missing:
        before = gaps[-1] if gaps else None
        follows = before is not None and (before.last or before.episode) == n - 1
        if before is not None and follows and before.title is None and n not in titles:
            gaps[-1] = replace(before, last=n)
        else:
            gaps.append(Gap(episode=n, title=titles.get(n)))
    return gaps


def _episode(entry: Line | Gap) -> int:
    return entry.episode if isinstance(entry, Gap) else entry.post.episode or 0


def episode_line(post: Post, read: frozenset[PostId] = frozenset()) -> Line:
    """Return a post under its title within its series."""
    title = short_title(post.title, post.series) if post.series else post.title
    return Line(
        post=post,
        title=title or post.title,
        label=None if post.episode is None else str(post.episode),
        read=post.id in read,
    )


def lines(posts: Iterable[Post]) -> tuple[Line, ...]:
    return tuple(Line(post=post, title=post.title) for post in posts)


async def month_page(tx: Transaction, year: int, month: int, number: int) -> Page[Line]:
    """Return the posts of one month, newest first."""
    return page_of(lines(reversed(await tx.posts.of_month(year, month))), number)
