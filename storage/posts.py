"""Reading data access of the archive: posts by id, time, scope and dump; scopes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, RowMapping, Select, and_, bindparam, func, select

from storage.engine import DataAccess, few_lengths
from storage.model import (
    Counted,
    Growth,
    HomeCapture,
    Layout,
    Mention,
    Post,
    PostId,
    Scope,
    ScopeId,
    ScopeKind,
)
from storage.schema import (
    aliases,
    dumps,
    mentions,
    phrases,
    post_scopes,
    posts,
    scopes,
    sightings,
    subscriptions,
)

CHUNK = 500  # bound parameters of one statement

# Fields of a post that equal their column.
AS_STORED = (
    "id", "title", "title_key", "date", "month_day", "date_certainty", "readers", "readers_at", "comments",
    "category", "excerpt", "series_id", "episode", "style", "archive_id", "first_seen_at", "title_at",
    "excerpt_at", "excerpt_partial", "date_at", "month_day_at", "category_at", "tags_at",
)  # fmt: skip


LAYOUTS = ("date_layout", "title_layout", "excerpt_layout")


class Posts(DataAccess):
    async def everything(self) -> list[Post]:
        """Return the whole archive, oldest entry first."""
        return await self._posts(select(posts).order_by(posts.c.id))

    async def get(self, post_id: PostId) -> Post | None:
        found = await self._posts(ONE, {"post": post_id})
        return found[0] if found else None

    async def many(self, ids: Iterable[PostId]) -> list[Post]:
        """Return the posts with these ids that exist, in the order of `ids`."""
        wanted = list(dict.fromkeys(ids))
        found: dict[PostId, Post] = {}
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            found |= {p.id: p for p in await self._posts(MANY, {"posts": few_lengths(part)})}
        return [found[post_id] for post_id in wanted if post_id in found]

    async def by_archive_id(self, archive_id: int) -> Post | None:
        """Return the post with this number in the blog's addresses."""
        found = await self._posts(select(posts).where(posts.c.archive_id == archive_id).limit(1))
        return found[0] if found else None

    async def count(self) -> int:
        return await self._number(select(func.count()).select_from(posts))

    async def latest(self, limit: int, offset: int = 0) -> list[Post]:
        return await self._posts(LATEST, {"most": limit, "after": offset})

    async def of_scope(self, scope_id: ScopeId, limit: int | None = None) -> list[Post]:
        """Newest first."""
        statement = (
            select(posts)
            .join(post_scopes, post_scopes.c.post_id == posts.c.id)
            .where(post_scopes.c.scope_id == scope_id)
            .order_by(*NEWEST)
        )
        return await self._posts(statement.limit(limit))

    async def of_series(self, series_id: ScopeId) -> list[Post]:
        """In the order of their episodes; those without a number by date."""
        return await self._posts(OF_SERIES, {"series": series_id})

    async def per_month(self) -> dict[tuple[int, int], int]:
        """How many posts each (year, month) has."""
        found = await self._column(select(posts.c.date).where(posts.c.date.is_not(None)))
        return Counter((day.year, day.month) for day in found)

    async def of_month(self, year: int, month: int) -> list[Post]:
        """Oldest first."""
        first = date(year, month, 1)
        after = date(year + month // 12, month % 12 + 1, 1)
        return await self._posts(
            select(posts)
            .where(posts.c.date >= first, posts.c.date < after)
            .order_by(posts.c.date, posts.c.id)
        )

    async def gains(self, limit: int) -> list[tuple[PostId, int, timedelta]]:
        """Return the posts that gained most readers between captures: (post, gain, time between)."""
        gained = func.max(sightings.c.readers) - func.min(sightings.c.readers)
        found = await self._rows(
            select(
                sightings.c.post_id,
                gained.label("gained"),
                func.max(sightings.c.captured_at).label("last"),
                func.min(sightings.c.captured_at).label("first"),
            )
            .where(sightings.c.readers.is_not(None))
            .group_by(sightings.c.post_id)
            .having(gained > 0)
            .order_by(gained.desc())
            .limit(limit)
        )
        return [(PostId(row.post_id), int(row.gained), row.last - row.first) for row in found]

    async def growth(self, post_id: PostId) -> Growth | None:
        """Return the gain between the first and latest count of readers; None with only one."""
        rows = await self._rows(COUNTS, {"post": post_id})
        if len(rows) < 2 or rows[-1].readers == rows[0].readers:
            return None
        span = rows[-1].captured_at - rows[0].captured_at
        return Growth(gained=rows[-1].readers - rows[0].readers, over=span)

    async def reader_history(self, post_id: PostId) -> list[tuple[datetime, int]]:
        """Return the counts of readers with their capture times (UTC), earliest first."""
        found = await self._rows(
            select(sightings.c.captured_at, sightings.c.readers)
            .where(sightings.c.post_id == post_id, sightings.c.readers.is_not(None))
            .order_by(sightings.c.captured_at)
        )
        return [(row.captured_at, row.readers) for row in found]

    async def home_captures(self) -> list[HomeCapture]:
        """Return the captured home pages, each with its posts in page order, newest first."""
        found = await self._connection.execute(
            select(sightings.c.dump_id, sightings.c.post_id, dumps.c.captured_at)
            .join(dumps, dumps.c.id == sightings.c.dump_id)
            .where(sightings.c.month_day.is_not(None))
            .order_by(sightings.c.dump_id, sightings.c.position)
        )
        pages: dict[int, tuple[datetime, list[PostId]]] = {}
        for row in found:
            pages.setdefault(row.dump_id, (row.captured_at, []))[1].append(row.post_id)
        return [HomeCapture(posts=tuple(ids), captured_at=at) for at, ids in pages.values()]

    async def mentions_in(self, post_id: PostId) -> list[Mention]:
        found = await self._rows(MENTIONS_IN, {"post": post_id})
        return [Mention(title=r.title, kind=r.kind, cut=r.cut, target=r.target_id) for r in found]

    async def mentioning(self, post_id: PostId) -> list[Post]:
        """Return the posts whose excerpts mention this one, newest first."""
        return await self._posts(MENTIONING, {"post": post_id})

    async def unresolved(self) -> list[tuple[PostId, int, Mention]]:
        """Mentions of posts that are not stored (post, position, mention)."""
        found = await self._rows(
            select(mentions).where(and_(mentions.c.kind == "post", mentions.c.target_id.is_(None)))
        )
        return [(r.post_id, r.position, Mention(title=r.title, kind=r.kind, cut=r.cut)) for r in found]

    async def references(self) -> list[tuple[PostId, PostId]]:
        """Return the pairs (post, mentioned post) of all mentions whose target is stored."""
        found = await self._rows(
            select(mentions.c.post_id, mentions.c.target_id)
            .where(mentions.c.target_id.is_not(None))
            .distinct()
        )
        return [(row.post_id, row.target_id) for row in found]

    async def edits(self) -> dict[PostId, datetime]:
        """Return the time of the last edit of every post that was edited."""
        found = await self._rows(select(posts.c.id, posts.c.edited_at).where(posts.c.edited_at.is_not(None)))
        return {row.id: row.edited_at for row in found}

    async def revision(self) -> tuple[int, datetime | None]:
        """Return the number of posts and the time of the last update, which change with every post."""
        ((count, at),) = await self._rows(select(func.count(), func.max(posts.c.updated_at)))
        return int(count), at

    async def changed_since(self, at: datetime | None) -> list[Post]:
        """Return the posts updated at or after `at`; all without it."""
        statement = select(posts) if at is None else select(posts).where(posts.c.updated_at >= at)
        return await self._posts(statement)

    async def _posts(
        self, statement: Select[tuple[object, ...]], given: Mapping[str, object] | None = None
    ) -> list[Post]:
        rows = await self._mappings(statement, given)
        if not rows:
            return []
        ids = [row["id"] for row in rows]
        tags = await self._tags(ids)
        names = await self._series({row["series_id"] for row in rows if row["series_id"] is not None})
        former = await self._aliases(ids)
        return [_post(row, tags.get(row["id"], []), names, former.get(row["id"], ())) for row in rows]

    async def _tags(self, ids: Sequence[PostId]) -> dict[PostId, list[tuple[str, bool]]]:
        found = await self._of(ids, TAGS_OF, TAGS)
        result: dict[PostId, list[tuple[str, bool]]] = {}
        for row in found:
            result.setdefault(row.post_id, []).append((row.name, row.inferred))
        return result

    async def _of(self, ids: Sequence[PostId], some: Select[Any], every: Select[Any]) -> Sequence[Row[Any]]:
        """Execute `some` for these posts, or `every` for more posts than one statement takes."""
        few = len(ids) <= CHUNK
        given = {"posts": few_lengths(ids)} if few else None
        return await self._rows(some if few else every, given)

    async def _series(self, ids: Collection[ScopeId]) -> dict[ScopeId, tuple[str, str]]:
        if not ids:
            return {}
        found = await self._rows(SERIES, {"series": few_lengths(ids)})
        return {row.id: (row.key, row.name) for row in found}

    async def _aliases(self, ids: Sequence[PostId]) -> dict[PostId, tuple[tuple[str, str], ...]]:
        found = await self._of(ids, ALIASES_OF, ALIASES)
        result: dict[PostId, tuple[tuple[str, str], ...]] = {}
        for row in found:
            result[row.post_id] = (*result.get(row.post_id, ()), (row.title_key, row.title))
        return result


def _post(
    row: RowMapping,
    tags: list[tuple[str, bool]],
    names: dict[ScopeId, tuple[str, str]],
    former: tuple[tuple[str, str], ...],
) -> Post:
    key, series = names.get(row["series_id"], (None, None))
    site = tuple(name for name, inferred in tags if not inferred)
    layouts: dict[str, Any] = {name: Layout(row[name]) if row[name] else None for name in LAYOUTS}
    return Post(
        **{name: row[name] for name in AS_STORED},
        **layouts,
        tags=site if row["tagged"] else None,
        inferred_tags=tuple(name for name, inferred in tags if inferred),
        series=series,
        series_key=key,
        aliases=former,
    )


# Newest first; posts with an unknown year are last.
NEWEST = (posts.c.date.desc().nulls_last(), posts.c.id.desc())

ONE = select(posts).where(posts.c.id == bindparam("post"))
MANY = select(posts).where(posts.c.id.in_(bindparam("posts", expanding=True)))
LATEST = select(posts).order_by(*NEWEST).limit(bindparam("most")).offset(bindparam("after"))
OF_SERIES = (
    select(posts)
    .where(posts.c.series_id == bindparam("series"))
    .order_by(posts.c.episode.nulls_last(), posts.c.date.nulls_last(), posts.c.id)
)
MENTIONING = (
    select(posts)
    .where(posts.c.id.in_(select(mentions.c.post_id).where(mentions.c.target_id == bindparam("post"))))
    .order_by(*NEWEST)
)
MENTIONS_IN = select(mentions).where(mentions.c.post_id == bindparam("post")).order_by(mentions.c.position)
COUNTS = (
    select(sightings.c.readers, sightings.c.captured_at)
    .where(sightings.c.post_id == bindparam("post"), sightings.c.readers.is_not(None))
    .order_by(sightings.c.readers)
)

TAGS = (
    select(post_scopes.c.post_id, scopes.c.name, post_scopes.c.inferred)
    .join(scopes, scopes.c.id == post_scopes.c.scope_id)
    .where(scopes.c.kind == ScopeKind.TAG)
    .order_by(post_scopes.c.post_id, post_scopes.c.position)
)
TAGS_OF = TAGS.where(post_scopes.c.post_id.in_(bindparam("posts", expanding=True)))
ALIASES = select(aliases).order_by(aliases.c.title_key)
ALIASES_OF = ALIASES.where(aliases.c.post_id.in_(bindparam("posts", expanding=True)))
SERIES = select(scopes.c.id, scopes.c.key, scopes.c.name).where(
    scopes.c.id.in_(bindparam("series", expanding=True))
)


Named = tuple[ScopeKind, str, str]  # kind, key, name

# Built once: they run for every card.
_ONE = select(scopes).where(scopes.c.id == bindparam("scope"))
_OF_POST = (
    select(scopes, post_scopes.c.inferred)
    .join(post_scopes, post_scopes.c.scope_id == scopes.c.id)
    .where(post_scopes.c.post_id == bindparam("post"))
    .order_by(post_scopes.c.position)
)


class Scopes(DataAccess):
    async def ensure(self, wanted: Collection[Named]) -> dict[tuple[ScopeKind, str], Scope]:
        """Return the scopes of these kinds and keys, created or renamed where needed."""
        if not wanted:
            return {}
        rows = [{"kind": kind, "key": key, "name": name} for kind, key, name in dict.fromkeys(wanted)]
        key = (scopes.c.kind, scopes.c.key)
        found = await self._put(scopes, rows, "name", key=key, returning=[scopes])
        return {(row.kind, row.key): _scope(row) for row in found}

    async def everything(self) -> Scope:
        """Return the scope of all posts, which a migrated database has, so that reading it writes nothing."""
        row = await self._first(select(scopes).where(scopes.c.kind == ScopeKind.EVERYTHING))
        if row is not None:
            return _scope(row)
        return (await self.ensure([(ScopeKind.EVERYTHING, "", "")]))[ScopeKind.EVERYTHING, ""]

    async def get(self, scope_id: ScopeId) -> Scope | None:
        row = await self._first(_ONE, {"scope": scope_id})
        return _scope(row) if row else None

    async def many(self, ids: Collection[ScopeId]) -> dict[ScopeId, Scope]:
        found = await self._rows(select(scopes).where(scopes.c.id.in_(ids)))
        return {row.id: _scope(row) for row in found}

    async def of_post(self, post_id: PostId) -> list[tuple[Scope, bool]]:
        """Every scope a post is gathered under, and whether that was inferred."""
        found = await self._rows(_OF_POST, {"post": post_id})
        return [(_scope(row), row.inferred) for row in found]

    async def members(self) -> dict[ScopeId, list[PostId]]:
        """Return the posts of every scope that has any."""
        found = await self._rows(select(post_scopes.c.scope_id, post_scopes.c.post_id))
        members: dict[ScopeId, list[PostId]] = {}
        for row in found:
            members.setdefault(row.scope_id, []).append(row.post_id)
        return members

    async def words(self) -> list[Scope]:
        """Return the word scopes with at least one subscription or exclusion."""
        found = await self._rows(
            select(scopes)
            .where(scopes.c.kind == ScopeKind.WORD)
            .where(scopes.c.id.in_(select(subscriptions.c.scope_id)))
        )
        return [_scope(row) for row in found]

    async def counted(self, kind: ScopeKind) -> list[Counted]:
        """Every scope of this kind that has a post, the largest first."""
        found = await self._rows(
            _counted(scopes.c.kind == kind).order_by(func.count().desc(), func.max(posts.c.date).desc())
        )
        return [_count(row) for row in found]

    async def count(self, scope_id: ScopeId) -> Counted | None:
        row = await self._first(_counted(scopes.c.id == scope_id))
        return _count(row) if row else None

    async def phrase(self, words: str, now: datetime) -> int:
        """Return a number for these search words, because a button holds 64 bytes only."""
        values = {"words": words, "used_at": now}
        made = await self._put(phrases, values, "used_at", key=[phrases.c.words], returning=[phrases.c.id])
        return int(made.scalar_one())

    async def words_of(self, phrase: int) -> str | None:
        return await self._value(select(phrases.c.words).where(phrases.c.id == phrase))


def _counted(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    days = (
        func.count().label("posts"),
        func.min(posts.c.date).label("first"),
        func.max(posts.c.date).label("last"),
    )
    return (
        select(scopes, *days)
        .join(post_scopes, post_scopes.c.scope_id == scopes.c.id)
        .join(posts, posts.c.id == post_scopes.c.post_id)
        .where(condition)
        .group_by(*scopes.c)
    )


def _count(row: Row[tuple[object, ...]]) -> Counted:
    return Counted(scope=_scope(row), posts=row.posts, first=row.first, last=row.last)


def _scope(row: Row[tuple[object, ...]]) -> Scope:
    return Scope(id=row.id, kind=row.kind, key=row.key, name=row.name)
