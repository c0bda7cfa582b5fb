"""Snapshot of the archive in memory, reloaded when the rows have changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from storage.database import Database, Transaction
from storage.model import Counted, Post, PostId, ScopeId, ScopeKind

KINDS = (ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY)


@dataclass(frozen=True)
class Snapshot:
    """All posts, newest first, with the scopes that hold at least one of them."""

    posts: tuple[Post, ...] = ()
    scopes: Mapping[ScopeKind, tuple[Counted, ...]] = field(default_factory=dict)
    members: Mapping[ScopeId, frozenset[PostId]] = field(default_factory=dict)
    references: tuple[tuple[PostId, PostId], ...] = ()  # (post, the post it mentions)
    missing: tuple[str, ...] = ()  # titles that posts mention and the archive lacks
    edits: Mapping[PostId, datetime] = field(default_factory=dict)  # the last edit of its title or excerpt
    revision: tuple[int, datetime | None] = (0, None)

    @cached_property
    def by_id(self) -> dict[PostId, Post]:
        """Return the posts by id."""
        return {post.id: post for post in self.posts}

    @cached_property
    def by_name(self) -> dict[tuple[ScopeKind, str], ScopeId]:
        """Return the ids of the scopes by kind and name."""
        return {(one.scope.kind, one.scope.name): number for number, one in self._counted.items()}

    @cached_property
    def cited(self) -> dict[PostId, list[PostId]]:
        """Return the posts that each post mentions."""
        return _grouped(self.references)

    @cached_property
    def citing(self) -> dict[PostId, list[PostId]]:
        """Return the posts that mention each post."""
        return _grouped((target, post) for post, target in self.references)

    @cached_property
    def _counted(self) -> dict[ScopeId, Counted]:
        return {each.scope.id: each for counted in self.scopes.values() for each in counted}

    @cached_property
    def _posts_of(self) -> dict[ScopeId, tuple[Post, ...]]:
        found: dict[ScopeId, list[Post]] = defaultdict(list)
        scopes_of: dict[PostId, list[ScopeId]] = defaultdict(list)
        for scope_id, members in self.members.items():
            for member in members:
                scopes_of[member].append(scope_id)
        for post in self.posts:
            for scope_id in scopes_of[post.id]:
                found[scope_id].append(post)
        for counted in self.scopes.get(ScopeKind.SERIES, ()):
            posts = found[counted.scope.id]
            posts.reverse()
            posts.sort(key=lambda post: (post.episode is None, post.episode or 0))
        return {scope_id: tuple(posts) for scope_id, posts in found.items()}

    def scope(self, scope_id: int, kind: ScopeKind | None = None) -> Counted | None:
        """Return the scope with this id, if it is of this kind."""
        found = self._counted.get(ScopeId(scope_id))
        return found if found is not None and kind in (None, found.scope.kind) else None

    def posts_of(self, scope_id: ScopeId) -> tuple[Post, ...]:
        """Return the posts of a scope: a series by episode, others newest first."""
        return self._posts_of.get(scope_id, ())


def _grouped(pairs: Iterable[tuple[PostId, PostId]]) -> dict[PostId, list[PostId]]:
    found: dict[PostId, list[PostId]] = defaultdict(list)
    for one, other in pairs:
        found[one].append(other)
    return dict(found)


class SnapshotCache:
    """One snapshot for all requests; a request reads the revision, and what has changed since the last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot = Snapshot()
        self._refresh = asyncio.Lock()

    async def get(self) -> Snapshot:
        """Return the snapshot of the archive as it is now."""
        async with self._refresh:
            self._snapshot = await self._database.read(self._refreshed)
        return self._snapshot

    async def _refreshed(self, tx: Transaction) -> Snapshot:
        known, revision = self._snapshot, await tx.posts.revision()
        if revision == known.revision:
            return known
        changed = await tx.posts.changed_since(known.revision[1])
        posts = {**known.by_id, **{post.id: post for post in changed}}
        if len(posts) != revision[0]:  # a post is gone: it was joined into another
            posts = {post.id: post for post in await tx.posts.everything()}
        scopes = {kind: tuple(await tx.scopes.counted(kind)) for kind in KINDS}
        return Snapshot(
            posts=newest_first(posts.values()),
            scopes=scopes,
            members={scope_id: frozenset(ids) for scope_id, ids in (await tx.scopes.members()).items()},
            references=tuple(await tx.posts.references()),
            missing=tuple(mention.title for _, _, mention in await tx.posts.unresolved()),
            edits=await tx.posts.edits(),
            revision=revision,
        )


def newest_first(posts: Iterable[Post]) -> tuple[Post, ...]:
    """Return the posts by date, newest first; those with an unknown year are last."""

    def order(post: Post) -> tuple[bool, date, int]:
        return post.date is not None, post.date or post.first_seen_at.date(), post.id

    return tuple(sorted(posts, key=order, reverse=True))
