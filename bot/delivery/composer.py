"""Message composer: renders a delivery's message, cached per content, language and format."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.archive_queries import card_facts
from bot.caching import SingleFlightCache
from bot.callbacks.actions import ShowPost
from bot.delivery.admin_notices import notice_message
from bot.delivery.due_times import period_of
from bot.delivery.due_worker import lesson_of
from bot.delivery.messenger import RichCapability
from bot.intake.series import short_title
from bot.messages.cards import CardFacts, News, announcement, card
from bot.messages.courses import CourseFacts, lesson
from bot.messages.digests import Digest, Entry, digest
from bot.messages.elements import with_page
from bot.messages.i18n import Words, words_for
from bot.messages.links import WebPages
from bot.messages.post_lists import Gap
from bot.ops.logging import new_correlation_id
from bot.render import Rendered, choose, render
from bot.render.document import Message, Paragraph, Text
from bot.site_profile import KEXUE, SiteProfile
from storage.clock import Clock
from storage.database import Database, Transaction
from storage.model import ChatKind, Delivery, DeliveryKind, DumpId, Post, Scope, ScopeId, Stage, When, zone_of


@dataclass(frozen=True, slots=True)
class Composed:
    """A rendered message, the message it replies to, and the correlation id for its log lines."""

    message: Rendered
    reply_to: int | None = None
    correlation_id: str = ""


KEPT = 256  # rendered messages
FRESH_SECONDS = 60.0  # how long one is used again: counts and neighbours change
OLD_NEWS = timedelta(days=30)  # older than this when first seen, a post is newly archived, not new

MOST_NAMED = 8  # dumps in one correlation id
DUMP = re.compile(r":dump:(\d+)")

Key = tuple[object, ...]


class ArchiveComposer:
    """Composes messages from the archive; cached for `FRESH_SECONDS`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        bot: str | None,
        rich: RichCapability,
        site: SiteProfile = KEXUE,
        web_pages: WebPages | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bot = bot
        self._rich = rich
        self._site = site
        self._web_pages = web_pages
        self._kept: SingleFlightCache[Composed | None] = SingleFlightCache(max_size=KEPT, ttl=FRESH_SECONDS)

    def rich_is_missing(self) -> None:
        """Write classic messages for a day: this server has no rich messages."""
        self._rich.missing()
        self._kept.clear()

    def refresh(self) -> None:
        """Clear the cache: the archive has changed."""
        self._kept.clear()

    async def compose(self, delivery: Delivery) -> Composed | None:
        """Return the message of `delivery`; None if its content no longer exists."""
        to = delivery.destination
        choice = to.preferences
        key: Key = (
            delivery.kind, delivery.post_ids, delivery.post_updated_at, delivery.scope_id, delivery.text,
            delivery.form,
            dump_of(delivery.dedup_key),
            choice.language, choice.format, choice.excerpt, choice.lessons_read, to.kind, self._rich.usable(),
        )  # fmt: skip
        if delivery.kind is DeliveryKind.DIGEST:
            key = (*key, delivery.id)  # its button leads through this very digest
        kept = await self._kept.get(key, self._clock.monotonic(), lambda: self._made(delivery))
        if kept is None or delivery.reply_to is None:
            return kept
        return replace(kept, reply_to=delivery.reply_to)

    async def _made(self, delivery: Delivery) -> Composed | None:
        async def unit(tx: Transaction) -> tuple[Message | None, list[str]]:
            message, dump = await self._message(tx, delivery), dump_of(delivery.dedup_key)
            return message, await tx.dumps.behind(() if dump else delivery.post_ids, dump)

        message, dumps = await self._database.read(unit)
        if message is None:
            return None
        return Composed(
            self._rendered(message, delivery), correlation_id=new_correlation_id(*dumps[:MOST_NAMED])
        )

    def _rendered(self, message: Message, delivery: Delivery) -> Rendered:
        wish = delivery.destination.preferences.format
        return render(message, choose(message, wish, at_most=delivery.form, rich=self._rich.usable()))

    async def _message(self, tx: Transaction, delivery: Delivery) -> Message | None:
        words = words_for(delivery.destination.preferences.language, self._site)
        if delivery.kind is DeliveryKind.BROADCAST:
            return Message(body=(Paragraph((Text(delivery.text or ""),)),))
        if delivery.kind is DeliveryKind.NOTICE:
            return await notice_message(tx, delivery.text or "", words)
        posts = await tx.posts.many(delivery.post_ids)
        if not posts:
            return None
        if delivery.kind is DeliveryKind.DIGEST:
            return digest(digest_facts(posts, delivery, self._clock.now()), words)
        private = delivery.destination.kind is ChatKind.PRIVATE
        shown = await self._card(tx, posts[0], delivery, words)
        return with_page(shown, self._web_pages, ShowPost(posts[0].id), words, private=private)

    async def _card(self, tx: Transaction, post: Post, delivery: Delivery, words: Words) -> Message:
        facts = await card_facts(tx, post, excerpt=delivery.destination.preferences.excerpt, bot=self._bot)
        if delivery.destination.kind is ChatKind.PRIVATE:
            taken = delivery.kind is DeliveryKind.COURSE and delivery.destination.preferences.lessons_read
            facts = replace(facts, saved=False, read=taken)
        else:
            facts = replace(facts, editable=False)
        if delivery.kind is DeliveryKind.COURSE:
            return await _lesson(tx, post, facts, words)
        # A course names its series without a subscription to it.
        if facts.series is not None and facts.series.scope.id == delivery.scope_id:
            facts = replace(facts, series=replace(facts.series, subscribed=True))
        why = await _why(tx, delivery.scope_id)
        return announcement(
            facts, words, news=news_of(post), why=why, edited=delivery.kind is DeliveryKind.EDIT
        )


async def _lesson(tx: Transaction, post: Post, facts: CardFacts, words: Words) -> Message:
    """Return the card as a part of a course; as a plain card if the series no longer exists."""
    shown = card(facts, words, lesson=True)
    scope = await tx.scopes.get(post.series_id) if post.series_id is not None else None
    if scope is None:
        return shown
    found = lesson_of(post.id, await tx.posts.of_series(scope.id))
    if found is None:
        return shown
    stage = Stage.CAUGHT_UP if found.last else Stage.RUNNING
    course = CourseFacts(scope=scope, stage=stage, when=When.DAILY, sent=found.number, of=found.of)
    gap = None
    if found.gap:
        gap = Gap(episode=found.gap[0], last=found.gap[-1] if len(found.gap) > 1 else None).label
    return lesson(shown, course, gap, words)


def dump_of(dedup_key: str) -> DumpId | None:
    """Return the dump named in a dedup key; None for a delivery that comes from its posts' dumps."""
    found = DUMP.search(dedup_key)
    return DumpId(int(found[1])) if found else None


def news_of(post: Post) -> News:
    """Return whether the post is new or was only archived now, by its date and first capture."""
    if post.date is None or post.first_seen_at.date() - post.date <= OLD_NEWS:
        return News.WRITTEN
    return News.FOUND


def digest_facts(posts: list[Post], delivery: Delivery, now: datetime) -> Digest:
    """Return the facts of a digest; each title is the one used within its series."""
    entries = tuple(Entry(post=post, title=_within(post)) for post in posts)
    period, day = period_of(delivery.dedup_key)
    zone = zone_of(delivery.destination.preferences.time_zone)
    return Digest(
        period=period,
        day=day or now.astimezone(zone).date(),
        since=min((post.first_seen_at.astimezone(zone).date() for post in posts), default=None),
        hour=delivery.destination.preferences.hour,
        entries=entries,
        delivery=delivery.id,
    )


def _within(post: Post) -> str:
    return (short_title(post.title, post.series) or post.title) if post.series else post.title


async def _why(tx: Transaction, scope_id: ScopeId | None) -> tuple[Scope, ...]:
    scope = await tx.scopes.get(scope_id) if scope_id is not None else None
    return (scope,) if scope else ()
