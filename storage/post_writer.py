"""Writing data access of the archive: posts, sightings, scopes, mentions, merges."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal,
    null,
    select,
    union,
    update,
)

from storage.chunks import DeliveryChunks
from storage.engine import DataAccess, Utc, next_ids, run_many
from storage.model import (
    DeliveryKind,
    DumpId,
    Mention,
    PlanKind,
    Post,
    PostId,
    Scope,
    ScopeId,
    ScopeKind,
    Sighting,
    State,
)
from storage.posts import AS_STORED, LAYOUTS, Scopes
from storage.schema import (
    aliases,
    bookmarks,
    courses,
    deliveries,
    delivery_chunks,
    mentions,
    plans,
    post_scopes,
    posts,
    sightings,
    waiting,
)

WAITING = (State.PENDING, State.HELD)
SPOKEN = (DeliveryKind.POST, DeliveryKind.COURSE)
# Fields that `add` and `update` write as they are: series have their own rows, ids and times of `add` stay.
WRITTEN = tuple(name for name in AS_STORED if name not in ("id", "series_id", "first_seen_at"))
CAUSE = "the post turned out to be another that was announced"


class PostWriter(DataAccess):
    async def assign_ids(self, new: Sequence[Post]) -> list[Post]:
        """Return the posts with unused ids, to be stored in this transaction."""
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
        """Write the posts in `changed` as they are now, with exactly their aliases."""
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
        await self._clear(aliases, [post.id for post in changed])
        await self._remember_titles(changed)

    async def record_edits(self, edited: Collection[PostId], at: datetime) -> None:
        """Store `at` as the time of the last edit of these posts, unless a later one is stored."""
        await run_many(
            self._connection,
            update(posts)
            .where(posts.c.id == bindparam("post"))
            .where(posts.c.edited_at.is_(None) | (posts.c.edited_at < bindparam("at", type_=Utc)))
            .values(edited_at=bindparam("at", type_=Utc)),
            [{"post": post_id, "at": at} for post_id in edited],
        )

    async def release_archive_ids(self, released: Collection[PostId]) -> None:
        """Clear the archive ids of these posts, so that other posts can take them in the same transaction."""
        await run_many(
            self._connection,
            update(posts).where(posts.c.id == bindparam("post")).values(archive_id=null()),
            [{"post": post_id} for post_id in released],
        )

    async def _clear(self, table: Table, of_posts: Sequence[PostId]) -> None:
        statement = delete(table).where(table.c.post_id == bindparam("post"))
        await run_many(self._connection, statement, [{"post": post_id} for post_id in of_posts])

    async def _remember_titles(self, written: Sequence[Post]) -> None:
        rows = [
            {"post_id": post.id, "title_key": key, "title": title}
            for post in written
            for key, title in post.aliases
        ]
        if rows:
            await self._put(aliases, rows, "title")

    async def add_sightings(
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

    async def set_scopes(
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
        await self._clear(post_scopes, [post_id for post_id in wanted if post_id not in fresh])
        rows = [
            {"post_id": post_id, "scope_id": made[kind, key].id, "inferred": inferred, "position": position}
            for post_id, places in wanted.items()
            for position, (kind, key, _, inferred) in enumerate(_distinct(places))
        ]
        await run_many(self._connection, insert(post_scopes), rows)
        await self._set_series(wanted, made, fresh)

    async def add_to_scope(self, scope_id: ScopeId, found: Collection[PostId]) -> None:
        """Add these posts to a scope."""
        if found:
            rows = [{"post_id": post_id, "scope_id": scope_id, "position": 0} for post_id in found]
            await self._put(post_scopes, rows)

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

    async def set_mentions(
        self, found: Mapping[PostId, Sequence[Mention]], *, fresh: Collection[PostId] = ()
    ) -> None:
        """Replace what these posts are known to name; `fresh` ones were stored in this transaction."""
        await self._clear(mentions, [post_id for post_id in found if post_id not in fresh])
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

    async def resolve_mentions(self, targets: Mapping[tuple[PostId, int], PostId]) -> None:
        """Now it is known which post these mentions (post, position) name."""
        if targets:
            await self._write(
                update(mentions)
                .where(mentions.c.post_id == bindparam("post"), mentions.c.position == bindparam("at"))
                .values(target_id=bindparam("target")),
                [{"post": post, "at": at, "target": target} for (post, at), target in targets.items()],
            )

    async def merge(self, gone: PostId, heir: PostId) -> None:
        """`gone` ceases to exist; what the posts themselves say is written by the archive afterwards."""
        await self._update(sightings, sightings.c.post_id == gone, post_id=heir)
        await self._update(mentions, mentions.c.target_id == gone, target_id=heir)
        await self._update(courses, courses.c.post_id == gone, post_id=heir)
        await self._bookmarks(gone, heir)
        await self._expand(gone, heir)
        await self._duties(gone, heir)
        await self._digests(gone, heir)
        await self._plans(gone, heir)
        await DeliveryChunks(self._connection).replace_post(gone, heir)
        await self._waiting(gone, heir)
        await self._write(delete(posts).where(posts.c.id == gone))

    async def _bookmarks(self, gone: PostId, heir: PostId) -> None:
        """Who marked both keeps the earlier marks of either."""
        theirs = bookmarks.alias("theirs")
        for column in (bookmarks.c.saved_at, bookmarks.c.read_at):
            earlier = (
                select(theirs.c[column.name])
                .where(theirs.c.user_id == bookmarks.c.user_id, theirs.c.post_id == gone)
                .scalar_subquery()
            )
            await self._write(
                update(bookmarks)
                .where(bookmarks.c.post_id == heir, earlier.is_not(None))
                .values({column: case((column < earlier, column), else_=earlier)})
            )
        mine = select(theirs.c.user_id).where(theirs.c.post_id == heir)
        await self._update(
            bookmarks, bookmarks.c.post_id == gone, bookmarks.c.user_id.not_in(mine), post_id=heir
        )

    async def _expand(self, gone: PostId, heir: PostId) -> None:
        """Make rows of what chunks hold of either post for destinations where both posts meet otherwise."""
        both = (gone, heir)
        ended = select(deliveries.c.destination_id).where(
            deliveries.c.post_id.in_(both),
            deliveries.c.state.in_((State.CANCELLED, State.EXPIRED, State.FAILED)),
        )
        waits = select(waiting.c.destination_id).where(waiting.c.post_id == gone)
        await DeliveryChunks(self._connection).expand_some(both, union(ended, waits))

    async def _duties(self, gone: PostId, heir: PostId) -> None:
        """Each kind's duty for `gone` becomes the one for `heir`, unless the destination has that already."""
        for kind in SPOKEN:
            theirs = deliveries.alias("theirs")
            both = select(theirs.c.destination_id).where(
                theirs.c.post_id == heir, theirs.c.duty == f"{kind}:{heir}"
            )
            await self._update(
                deliveries,
                deliveries.c.post_id == gone,
                deliveries.c.duty == f"{kind}:{gone}",
                deliveries.c.destination_id.not_in(both),
                duty=f"{kind}:{heir}",
            )
            await self._cancel_second(kind, gone, heir)
        await self._update(deliveries, deliveries.c.post_id == gone, post_id=heir)

    async def _cancel_second(self, kind: DeliveryKind, gone_id: PostId, heir_id: PostId) -> None:
        """Cancel one of two deliveries of the same destination, so that only one can be sent."""
        gone, heir = f"{kind}:{gone_id}", f"{kind}:{heir_id}"
        for waits, stays in ((gone, heir), (heir, gone)):
            other = deliveries.alias("other")
            has = select(other.c.destination_id).where(
                other.c.post_id.in_((gone_id, heir_id)),
                other.c.duty == stays,
                other.c.state.not_in((State.CANCELLED, State.EXPIRED, State.FAILED)),
            )
            await self._update(
                deliveries,
                deliveries.c.post_id.in_((gone_id, heir_id)),
                deliveries.c.duty == waits,
                deliveries.c.state.in_(WAITING),
                deliveries.c.destination_id.in_(has),
                state=State.CANCELLED,
                reason=CAUSE,
            )

    async def _digests(self, gone: PostId, heir: PostId) -> None:
        """Digests list their posts by id."""
        for table in (deliveries, delivery_chunks):
            listed = literal(",").concat(table.c.payload).concat(",")
            is_listing = and_(table.c.kind == DeliveryKind.DIGEST, listed.contains(f",{gone},"))
            await self._rename(table, is_listing, gone, heir)

    async def _plans(self, gone: PostId, heir: PostId) -> None:
        """Replace the post in the announcements and edits that are not planned to their end."""
        await self._rename(plans, plans.c.kind.in_((PlanKind.POST, PlanKind.EDIT)), gone, heir)

    async def _rename(self, table: Table, condition: ColumnElement[bool], gone: PostId, heir: PostId) -> None:
        """Replace a post in the payloads, which are lists of ids, of the rows that meet `condition`."""
        found = await self._rows(select(table.c.id, table.c.payload).where(condition))
        for row in found:
            ids = (str(heir) if each == str(gone) else each for each in row.payload.split(","))
            payload = ",".join(dict.fromkeys(ids))
            await self._update(table, table.c.id == row.id, payload=payload)

    async def _waiting(self, gone: PostId, heir: PostId) -> None:
        """Move the waiting posts of digests, except where the destination has or awaits the post."""
        theirs = waiting.alias("theirs")
        told = select(deliveries.c.destination_id).where(
            deliveries.c.post_id == heir, deliveries.c.kind == DeliveryKind.POST
        )
        waits = select(theirs.c.destination_id).where(theirs.c.post_id == heir)
        await self._update(
            waiting,
            waiting.c.post_id == gone,
            waiting.c.destination_id.not_in(told),
            waiting.c.destination_id.not_in(waits),
            post_id=heir,
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
    layouts = {name: getattr(post, name) and str(getattr(post, name)) for name in LAYOUTS}
    values = {name: getattr(post, name) for name in WRITTEN}
    return values | layouts | {"tagged": post.tags is not None, "updated_at": now}
