"""Writing the archive: posts, their sightings, and what was understood of them. Decides nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.dialect import next_ids, upsert
from storage.many import run_many
from storage.model import DumpId, Mention, Post, PostId, Scope, ScopeId, ScopeKind, Sighting
from storage.schema import aliases, mentions, post_scopes, posts, sightings
from storage.scopes import Scopes


class Archive:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def numbered(self, new: Sequence[Post]) -> list[Post]:
        """The same posts with ids that no stored post has, to be stored in this transaction."""
        ids = await next_ids(self._connection, posts, len(new))
        return [replace(post, id=PostId(post_id)) for post, post_id in zip(new, ids, strict=True)]

    async def add(self, new: Sequence[Post], dump_id: DumpId, now: datetime) -> None:
        """Store posts that were `numbered`."""
        values = [
            _columns(post, now)
            | {"id": post.id, "first_dump_id": dump_id, "first_seen_at": post.first_seen_at}
            for post in new
        ]
        await run_many(self._connection, insert(posts), values)
        await self._remember_titles(new)

    async def update(self, changed: Sequence[Post], now: datetime) -> None:
        if not changed:
            return
        values = [_columns(post, now) for post in changed]
        await run_many(
            self._connection,
            update(posts)
            .where(posts.c.id == bindparam("post"))
            .values({name: bindparam(name) for name in values[0]}),
            [row | {"post": post.id} for row, post in zip(values, changed, strict=True)],
        )
        await self._remember_titles(changed)

    async def _remember_titles(self, written: Sequence[Post]) -> None:
        rows = [
            {"post_id": post.id, "title_key": key, "title": title}
            for post in written
            for key, title in post.aliases
        ]
        if rows:
            statement = upsert(self._connection, aliases)
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[aliases.c.post_id, aliases.c.title_key],
                    set_={"title": statement.excluded.title},
                ),
                rows,
            )

    async def sighted(
        self, dump_id: DumpId, captured_at: datetime, seen: Sequence[tuple[PostId, Sighting]]
    ) -> None:
        """Keep every sighting of a dump, in its order."""
        rows = [
            {
                "dump_id": dump_id,
                "position": position,
                "post_id": post_id,
                "title": sighting.title,
                "month_day": sighting.month_day,
                "readers": sighting.readers,
                "comments": sighting.comments,
                "captured_at": captured_at,
            }
            for position, (post_id, sighting) in enumerate(seen)
        ]
        await run_many(self._connection, insert(sightings), rows)

    async def gather(
        self,
        wanted: Mapping[PostId, Sequence[tuple[ScopeKind, str, str, bool]]],
        *,
        fresh: Collection[PostId] = (),
    ) -> None:
        """Put each post under exactly these scopes (kind, key, name, inferred), in this order.

        `fresh` posts were stored in this transaction: they are under none yet.
        """
        if not wanted:
            return
        named = [(kind, key, name) for places in wanted.values() for kind, key, name, _ in places]
        made = await Scopes(self._connection).ensure(named)
        await run_many(
            self._connection,
            delete(post_scopes).where(post_scopes.c.post_id == bindparam("post")),
            [{"post": post_id} for post_id in wanted if post_id not in fresh],
        )
        rows = [
            {"post_id": post_id, "scope_id": made[kind, key].id, "inferred": inferred, "position": position}
            for post_id, places in wanted.items()
            for position, (kind, key, _, inferred) in enumerate(_distinct(places))
        ]
        await run_many(self._connection, insert(post_scopes), rows)
        await self._set_series(wanted, made, fresh)

    async def put_under(self, scope_id: ScopeId, found: Collection[PostId]) -> None:
        """Put these posts under a scope, beside those that are."""
        if found:
            await self._connection.execute(
                upsert(self._connection, post_scopes).on_conflict_do_nothing(),
                [{"post_id": post_id, "scope_id": scope_id, "position": 0} for post_id in found],
            )

    async def _set_series(
        self,
        wanted: Mapping[PostId, Sequence[tuple[ScopeKind, str, str, bool]]],
        made: Mapping[tuple[ScopeKind, str], Scope],
        fresh: Collection[PostId],
    ) -> None:
        series = {
            post_id: next(
                (made[kind, key].id for kind, key, _, _ in places if kind is ScopeKind.SERIES), None
            )
            for post_id, places in wanted.items()
        }
        await run_many(
            self._connection,
            update(posts)
            .where(posts.c.id == bindparam("post"), posts.c.series_id.is_distinct_from(bindparam("series")))
            .values(series_id=bindparam("series")),
            [
                {"post": post_id, "series": scope_id}
                for post_id, scope_id in series.items()
                if scope_id is not None or post_id not in fresh
            ],
        )

    async def mention(
        self, found: Mapping[PostId, Sequence[Mention]], *, fresh: Collection[PostId] = ()
    ) -> None:
        """Replace what these posts are known to name; `fresh` ones were stored in this transaction."""
        await run_many(
            self._connection,
            delete(mentions).where(mentions.c.post_id == bindparam("post")),
            [{"post": post_id} for post_id in found if post_id not in fresh],
        )
        rows = [
            {
                "post_id": post_id,
                "position": position,
                "title": mention.title,
                "kind": mention.kind,
                "cut": mention.cut,
                "target_id": mention.target,
            }
            for post_id, named in found.items()
            for position, mention in enumerate(named)
        ]
        await run_many(self._connection, insert(mentions), rows)

    async def resolve(self, targets: Mapping[tuple[PostId, int], PostId]) -> None:
        """Now it is known which post these mentions (post, position) name."""
        if targets:
            await self._connection.execute(
                update(mentions)
                .where(mentions.c.post_id == bindparam("post"), mentions.c.position == bindparam("at"))
                .values(target_id=bindparam("target")),
                [{"post": post, "at": at, "target": target} for (post, at), target in targets.items()],
            )


def _distinct(
    places: Collection[tuple[ScopeKind, str, str, bool]],
) -> list[tuple[ScopeKind, str, str, bool]]:
    """One place for each scope; what the author said wins over what was inferred."""
    first: dict[tuple[ScopeKind, str], tuple[ScopeKind, str, str, bool]] = {}
    for place in sorted(places, key=lambda place: place[3]):
        first.setdefault(place[:2], place)
    return list(first.values())


def _columns(post: Post, now: datetime) -> dict[str, Any]:
    return {
        "archive_id": post.archive_id,
        "title": post.title,
        "title_key": post.title_key,
        "title_at": post.title_at,
        "date": post.date,
        "month_day": post.month_day,
        "date_certainty": post.date_certainty,
        "date_layout": post.date_layout and str(post.date_layout),
        "category": post.category,
        "category_at": post.category_at,
        "tags_at": post.tags_at,
        "excerpt": post.excerpt,
        "excerpt_at": post.excerpt_at,
        "tagged": post.tags is not None,
        "readers": post.readers,
        "readers_at": post.readers_at,
        "comments": post.comments,
        "episode": post.episode,
        "style": post.style,
        "updated_at": now,
    }
