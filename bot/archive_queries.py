"""Pages of posts: of a series with its gaps, of a tag or category, the latest, a month."""

from collections.abc import Iterable, Sequence

from bot.intake.numbering import read_title
from bot.intake.series import short_title
from bot.messages.buttons import PER_PAGE, Page, page_count, page_of
from bot.messages.listing import Gap, Line
from bot.messages.scope_pages import SeriesFacts
from storage.database import Transaction
from storage.model import Post, Scope, ScopeKind


async def latest_page(tx: Transaction, number: int, size: int = PER_PAGE) -> Page[Line]:
    total = await tx.posts.count()
    of = page_count(total)
    number = min(max(number, 1), of)
    posts = await tx.posts.latest(size, (number - 1) * PER_PAGE)
    return Page(items=lines(posts), number=number, of=of, total=total)


async def scope_page(tx: Transaction, scope: Scope, number: int) -> Page[Line]:
    """The posts of a tag or category, newest first."""
    counted = await tx.scopes.count(scope.id)
    total = counted.posts if counted else 0
    of = page_count(total)
    number = min(max(number, 1), of)
    posts = await tx.posts.of_scope(scope.id, PER_PAGE, (number - 1) * PER_PAGE)
    return Page(items=lines(posts), number=number, of=of, total=total)


async def series_page(
    tx: Transaction, scope: Scope, number: int, *, subscribed: bool
) -> tuple[SeriesFacts, Page[Line | Gap]]:
    """A series in the order of its episodes, with those that are known to be missing."""
    posts = await tx.posts.of_series(scope.id)
    mentioned = [mention.title for _, _, mention in await tx.posts.unresolved()]
    entries = with_gaps(posts, scope, mentioned)
    days = sorted((post.date.year, post.date.month) for post in posts if post.date)
    facts = SeriesFacts(
        scope=scope,
        have=len(posts),
        known=len(entries),
        span=(days[0], days[-1]) if days else None,
        first=posts[0].id if posts else None,
        subscribed=subscribed,
    )
    return facts, page_of(entries, number)


def with_gaps(posts: Sequence[Post], scope: Scope, mentioned: Iterable[str]) -> list[Line | Gap]:
    """The episodes with a gap for every number below the highest that no stored post bears."""
    titles: dict[int, str] = {}
    for title in mentioned:
        reading = read_title(title)
        if reading is not None and reading.key == scope.key:
            titles.setdefault(reading.episode, short_title(title, scope.name))
    have = {post.episode for post in posts if post.episode is not None}
    known = have | set(titles)
    gaps = [Gap(episode=n, title=titles.get(n)) for n in range(1, max(known, default=0) + 1) if n not in have]
    numbered = [episode_line(post) for post in posts if post.episode is not None]
    merged: list[Line | Gap] = [*numbered, *gaps]
    merged.sort(key=_episode)
    return [*merged, *(episode_line(post) for post in posts if post.episode is None)]


def _episode(entry: Line | Gap) -> int:
    return entry.episode if isinstance(entry, Gap) else entry.post.episode or 0


def episode_line(post: Post) -> Line:
    """A post as it is called within its series."""
    title = short_title(post.title, post.series) if post.series else post.title
    return Line(
        post=post, title=title or post.title, label=None if post.episode is None else str(post.episode)
    )


def lines(posts: Iterable[Post]) -> tuple[Line, ...]:
    return tuple(Line(post=post, title=post.title) for post in posts)


async def month_page(tx: Transaction, year: int, month: int, number: int) -> Page[Line]:
    """The posts of one month, oldest first."""
    return page_of(lines(await tx.posts.of_month(year, month)), number)


async def named(tx: Transaction, kind: ScopeKind) -> list[Scope]:
    """Every scope of a kind that has posts, the largest first."""
    return [counted.scope for counted in await tx.scopes.counted(kind)]
