"""Scopes: series, tags, categories and words that chats subscribe to."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import upsert
from storage.model import Counted, PostId, Scope, ScopeId, ScopeKind
from storage.schema import phrases, post_scopes, posts, scopes, subscriptions

Named = tuple[ScopeKind, str, str]  # kind, key, name

# Built once: they run for every card.
_ONE = select(scopes).where(scopes.c.id == bindparam("scope"))
_OF_POST = (
    select(scopes, post_scopes.c.inferred)
    .join(post_scopes, post_scopes.c.scope_id == scopes.c.id)
    .where(post_scopes.c.post_id == bindparam("post"))
    .order_by(post_scopes.c.position)
)


class Scopes:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ensure(self, wanted: Collection[Named]) -> dict[tuple[ScopeKind, str], Scope]:
        """Return the scopes of these kinds and keys, created or renamed where needed."""
        if not wanted:
            return {}
        statement = upsert(self._connection, scopes)
        found = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[scopes.c.kind, scopes.c.key], set_={"name": statement.excluded.name}
            ).returning(scopes),
            [{"kind": kind, "key": key, "name": name} for kind, key, name in dict.fromkeys(wanted)],
        )
        made = [Scope(id=row.id, kind=row.kind, key=row.key, name=row.name) for row in found]
        return {(scope.kind, scope.key): scope for scope in made}

    async def everything(self) -> Scope:
        """Return the scope of all posts, which a migrated database has, so that reading it writes nothing."""
        found = await self._connection.execute(select(scopes).where(scopes.c.kind == ScopeKind.EVERYTHING))
        row = found.first()
        if row is not None:
            return Scope(id=row.id, kind=row.kind)
        return (await self.ensure([(ScopeKind.EVERYTHING, "", "")]))[ScopeKind.EVERYTHING, ""]

    async def get(self, scope_id: ScopeId) -> Scope | None:
        row = (await self._connection.execute(_ONE, {"scope": scope_id})).first()
        return Scope(id=row.id, kind=row.kind, key=row.key, name=row.name) if row else None

    async def many(self, ids: Collection[ScopeId]) -> dict[ScopeId, Scope]:
        found = await self._connection.execute(select(scopes).where(scopes.c.id.in_(ids)))
        return {row.id: Scope(id=row.id, kind=row.kind, key=row.key, name=row.name) for row in found}

    async def of_post(self, post_id: PostId) -> list[tuple[Scope, bool]]:
        """Every scope a post is gathered under, and whether that was inferred."""
        found = await self._connection.execute(_OF_POST, {"post": post_id})
        return [(Scope(id=r.id, kind=r.kind, key=r.key, name=r.name), r.inferred) for r in found]

    async def members(self) -> dict[ScopeId, list[PostId]]:
        """Return the posts of every scope that has any."""
        found = await self._connection.execute(select(post_scopes.c.scope_id, post_scopes.c.post_id))
        members: dict[ScopeId, list[PostId]] = {}
        for row in found:
            members.setdefault(row.scope_id, []).append(row.post_id)
        return members

    async def words(self) -> list[Scope]:
        """Return the word scopes with at least one subscription or exclusion."""
        found = await self._connection.execute(
            select(scopes)
            .where(scopes.c.kind == ScopeKind.WORD)
            .where(scopes.c.id.in_(select(subscriptions.c.scope_id)))
        )
        return [Scope(id=row.id, kind=row.kind, key=row.key, name=row.name) for row in found]

    async def counted(self, kind: ScopeKind) -> list[Counted]:
        """Every scope of this kind that has a post, the largest first."""
        found = await self._connection.execute(
            _counted(scopes.c.kind == kind).order_by(func.count().desc(), func.max(posts.c.date).desc())
        )
        return [_count(row) for row in found]

    async def count(self, scope_id: ScopeId) -> Counted | None:
        found = await self._connection.execute(_counted(scopes.c.id == scope_id))
        row = found.first()
        return _count(row) if row else None

    async def phrase(self, words: str, now: object) -> int:
        """Return a number for these search words, because a button holds 64 bytes only."""
        statement = upsert(self._connection, phrases).values(words=words, used_at=now)
        made = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[phrases.c.words], set_={"used_at": statement.excluded.used_at}
            ).returning(phrases.c.id)
        )
        return int(made.scalar_one())

    async def words_of(self, phrase: int) -> str | None:
        found = await self._connection.execute(select(phrases.c.words).where(phrases.c.id == phrase))
        return found.scalar_one_or_none()


def _counted(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return (
        select(
            scopes.c.id,
            scopes.c.kind,
            scopes.c.key,
            scopes.c.name,
            func.count().label("posts"),
            func.min(posts.c.date).label("first"),
            func.max(posts.c.date).label("last"),
        )
        .join(post_scopes, post_scopes.c.scope_id == scopes.c.id)
        .join(posts, posts.c.id == post_scopes.c.post_id)
        .where(condition)
        .group_by(scopes.c.id, scopes.c.kind, scopes.c.key, scopes.c.name)
    )


def _count(row: object) -> Counted:
    return Counted(
        scope=Scope(id=row.id, kind=row.kind, key=row.key, name=row.name),  # type: ignore[attr-defined]
        posts=row.posts,  # type: ignore[attr-defined]
        first=row.first,  # type: ignore[attr-defined]
        last=row.last,  # type: ignore[attr-defined]
    )
