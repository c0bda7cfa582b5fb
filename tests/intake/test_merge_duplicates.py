"""Two stored posts turn out to be one: in the real database, with all that hangs on them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from hypothesis import given
from sqlalchemy import func, select, update

from bot.intake.formats import ParsedDump
from bot.intake.ingest import IngestReport, IngestRules, ingest_parsed
from storage.database import Database, Transaction, open_database
from storage.model import (
    ChatKind,
    Delivery,
    DeliveryKind,
    Dump,
    Layout,
    Marks,
    Note,
    NoteKind,
    Post,
    PostId,
    Settlement,
    Source,
    State,
)
from storage.schema import deliveries, sightings
from tests.intake.sightings import START, TRUTHS, Shown, shown, two_orders, what_it_says
from tests.tools.databases import fresh_in
from tests.tools.examples import examples

READER, OTHER = 77, 78
EDITED = TRUTHS[2]
DUMP = shown(EDITED, Layout.LISTING, 1)
LISTED = shown(EDITED, Layout.ARCHIVE_PAGE, 60)
PAGE = shown(EDITED, Layout.POST_PAGE, 61)
FILLING = shown(TRUTHS[3], Layout.LISTING, 0)


async def take(
    database: Database, number: int, page: Shown, rules: IngestRules | None = None
) -> IngestReport:
    dump = Dump(name=f"page {number}", content=f"{number} {page}".encode(), captured_at=page.at)
    cut = Note(NoteKind.CUT, "the page is cut: its end is missing")
    reading = ParsedDump(format=page.layout, sightings=(page.sighting,), notes=(cut,))
    return await ingest_parsed(database, dump, reading, rules or IngestRules(), page.at)


async def subscribed(database: Database, chat: int) -> None:
    async def unit(tx: Transaction) -> None:
        to = await tx.destinations.ensure(chat, None, ChatKind.PRIVATE, "", START)
        everything = await tx.scopes.everything()
        await tx.destinations.subscribe(to.id, everything.id, START)

    await database.write(unit)


async def claimed(database: Database) -> list[Delivery]:
    return await database.write(
        lambda tx: tx.outbox.claim(10, PAGE.at + timedelta(days=1), timedelta(minutes=1))
    )


async def sent(database: Database, claim: list[Delivery]) -> None:
    done = [
        Settlement(delivery_id=one.id, token=one.token, state=State.SENT, message_id=500 + one.id)
        for one in claim
    ]
    await database.write(lambda tx: tx.outbox.settle(done, PAGE.at))


async def posts(database: Database) -> list[Post]:
    return await database.read(lambda tx: tx.posts.everything())


async def duties(database: Database) -> list[tuple[str, State]]:
    async def unit(tx: Transaction) -> list[tuple[str, State]]:
        found = await tx.post_writer._connection.execute(
            select(deliveries.c.duty, deliveries.c.state).order_by(deliveries.c.id)
        )
        return [(row.duty, row.state) for row in found]

    return await database.read(unit)


async def twins(database: Database) -> tuple[PostId, PostId]:
    """A dump's post and that of the list of all posts: one, but its edited title makes two of it."""
    for number, page in enumerate((FILLING, DUMP, LISTED)):
        await take(database, number, page)
    _, one, other = await posts(database)
    return one.id, other.id


async def test_the_posts_and_their_sightings_become_one(database: Database) -> None:
    one, other = await twins(database)
    await take(database, 3, PAGE)
    _, post = await posts(database)
    assert (post.id, post.archive_id, post.title) == (one, EDITED.archive_id, EDITED.title)
    assert [title for _, title in post.aliases] == [EDITED.before]
    assert post.tags == EDITED.tags

    async def unit(tx: Transaction) -> int:
        found = await tx.post_writer._connection.execute(
            select(func.count()).select_from(sightings).where(sightings.c.post_id == one)
        )
        return int(found.scalar_one())

    assert await database.read(unit) == 3
    assert await database.read(lambda tx: tx.posts.get(other)) is None


async def test_nobody_is_told_twice(database: Database) -> None:
    await take(database, 0, FILLING)
    await subscribed(database, READER)
    await take(database, 1, DUMP)
    await sent(database, await claimed(database))
    await subscribed(database, OTHER)
    await take(database, 2, LISTED)
    _, one, other = await posts(database)
    assert await duties(database) == [
        (f"post:{one.id}", State.SENT),
        (f"post:{other.id}", State.PENDING),
        (f"post:{other.id}", State.PENDING),
    ]
    await take(database, 3, PAGE)
    found = await duties(database)
    assert found[:3] == [
        (f"post:{one.id}", State.SENT),  # READER has received the post
        (f"post:{other.id}", State.CANCELLED),
        (f"post:{one.id}", State.PENDING),  # OTHER does not
    ]
    waiting = await claimed(database)
    assert {post for one_ in waiting for post in one_.post_ids} == {one.id}
    again = await take(database, 4, replace(PAGE, hours=62))
    assert again.new == 0


async def test_what_was_sent_for_the_younger_cancels_what_waits_for_the_older(database: Database) -> None:
    await take(database, 0, FILLING)
    await subscribed(database, READER)
    await take(database, 1, DUMP)
    await take(database, 2, LISTED)
    _, one, other = await posts(database)

    async def the_second_first(tx: Transaction) -> None:
        await tx.post_writer._connection.execute(
            update(deliveries).where(deliveries.c.post_id == other.id).values(state=State.SENT, message_id=5)
        )

    await database.write(the_second_first)
    await take(database, 3, PAGE)
    assert (await duties(database))[:2] == [
        (f"post:{one.id}", State.CANCELLED),
        (f"post:{other.id}", State.SENT),
    ]

    async def sent(tx: Transaction) -> list[int | None]:
        of_first = select(deliveries.c.message_id).where(deliveries.c.post_id == one.id)
        return list(
            (
                await tx.post_writer._connection.execute(of_first.where(deliveries.c.state == State.SENT))
            ).scalars()
        )

    assert await database.read(sent) == [5]


async def marks_of(tx: Transaction, user: int, post: PostId) -> Marks:
    return await tx.bookmarks.of(user, post)


async def test_bookmarks_come_along(database: Database) -> None:
    one, other = await twins(database)

    async def mark(tx: Transaction) -> None:
        await tx.bookmarks.save(1, other, START)
        await tx.bookmarks.save(2, one, START)
        await tx.bookmarks.read(2, other, START)
        await tx.bookmarks.save(3, one, START)

    await database.write(mark)
    await take(database, 3, PAGE)
    for user, saved, read in ((1, True, False), (2, True, True), (3, True, False)):
        marks = await database.read(partial(marks_of, user=user, post=one))
        assert (marks.saved, marks.read) == (saved, read)


async def test_mentions_and_digests_name_the_one_that_stays(database: Database) -> None:
    await take(database, 0, FILLING)
    await subscribed(database, READER)
    naming = replace(
        shown(TRUTHS[0], Layout.LISTING, 2),
        sighting=replace(FILLING.sighting, title="后记", excerpt=f"接着《{EDITED.title}》往下说。" * 5),
    )
    batch = (DUMP.sighting, LISTED.sighting)
    dump = Dump(name="both", content=b"both", captured_at=LISTED.at)
    reading = ParsedDump(format=LISTED.layout, sightings=batch)
    await ingest_parsed(database, dump, reading, IngestRules(digest_above=1), LISTED.at)
    _, one, other = await posts(database)
    await take(database, 5, naming)
    *_, naming_post = await posts(database)
    named = await database.read(lambda tx: tx.posts.mentions_in(naming_post.id))
    assert {mention.target for mention in named} == {other.id}
    await take(database, 6, PAGE)
    named = await database.read(lambda tx: tx.posts.mentions_in(naming_post.id))
    assert {mention.target for mention in named} == {one.id}
    (digest,) = [claim for claim in await claimed(database) if claim.kind is DeliveryKind.DIGEST]
    assert digest.post_ids == (one.id,)


async def test_a_source_is_claimed_by_one_and_settled_by_its_claim(database: Database) -> None:
    lease = timedelta(minutes=1)

    async def keep(tx: Transaction) -> None:
        await tx.dumps.keep_sources(["a", "b"], START)

    async def claim(tx: Transaction) -> tuple[Source, str] | None:
        return await tx.dumps.claim_source(["a"], START, lease)

    await database.write(keep)
    await database.write(keep)
    claims = await asyncio.gather(*(database.write(claim) for _ in range(3)))
    ((source, token),) = [one for one in claims if one is not None]
    tried = replace(source, last_try=START, error="no", failures=1, next_run=START + lease)
    assert not await database.write(lambda tx: tx.dumps.settle_source(tried, "another"))
    assert await database.write(lambda tx: tx.dumps.settle_source(tried, token))
    assert await database.write(claim) is None
    assert tried in await database.read(lambda tx: tx.dumps.sources())


async def test_silently(database: Database) -> None:
    await take(database, 0, FILLING)
    await subscribed(database, READER)
    report = await take(database, 1, DUMP, IngestRules(silent=True, hold_above=0))
    assert (report.new, report.held, report.deliveries) == (1, False, 0)
    assert await duties(database) == []


@examples(6)
@given(orders=two_orders)
async def test_the_order_does_not_matter_through_the_database(
    tmp_path: Path, orders: tuple[list[Shown], list[Shown]]
) -> None:
    said = []
    for order in orders:
        database = await open_database(fresh_in(tmp_path))
        for number, page in enumerate(order):
            await take(database, number, page)
        said.append(what_it_says(await posts(database)))
        await database.close()
    assert said[0] == said[1]
