"""Inline queries, `@bot words` in any chat: posts to choose from, sent as cards.

The person's own client sends the chosen card, so no rate limit applies.
"""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import (
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputMessageContent,
    InputTextMessageContent,
    LinkPreviewOptions,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError
from telegram.ext import ContextTypes

from bot.archive_queries import card_facts
from bot.callbacks.actions import SeriesIndex, ShowPost
from bot.chat.context import Services
from bot.chat.user_rate_limit import TokenBucket
from bot.delivery.messenger import InputRichMessageContent, RichCapability
from bot.messages import notices
from bot.messages.cards import card, facts_line
from bot.messages.elements import with_page
from bot.messages.i18n import Words, language_of, words_for
from bot.messages.links import deep_link, start_payload
from bot.render import Rendered, choose, render
from bot.render.document import Button, Message
from storage.database import Transaction
from storage.model import Form, Format, Post, Preferences

log = logging.getLogger(__name__)

PER_ANSWER = 10
# Answers depend on the person's language and format, so they are personal; a minute spares the typing of
# one person most repetitions and delays a new post by little.
CACHE_SECONDS = 60
_OFFSET = re.compile(r"([0-9]{1,6})(?::([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A post that can be chosen: how it is listed, and the card that is sent."""

    post: Post
    title: str
    description: str
    card: Message


class InlineQueries:
    """Answers inline queries."""

    def __init__(self, services: Services, rich: RichCapability) -> None:
        self._services = services
        self._rich = rich
        self._typing = TokenBucket(burst=60, per_second=2)

    async def on_query(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.inline_query
        if query is None or not self._typing.admits(self._services.clock.monotonic(), query.from_user.id):
            return
        start, newest = offset(query.offset)
        preferences, offers, after = await self._services.database.read(
            lambda tx: self._find(tx, query, start, newest)
        )
        words = words_for(preferences.language, self._services.site)
        button = None if offers or start else _elsewhere(words)

        async def answer(rendered: Sequence[Rendered]) -> None:
            await query.answer(
                [result(offer, shown) for offer, shown in zip(offers, rendered, strict=True)],
                cache_time=CACHE_SECONDS,
                is_personal=True,
                next_offset=after,
                button=button,
            )

        # Android drops rich inline results (tdlib/telegram-bot-api#859), so they are for those who chose.
        rich = preferences.format is Format.RICH and self._rich.usable()
        rendered = [render(o.card, choose(o.card, preferences.format, rich=rich)) for o in offers]
        try:
            await answer(rendered)
        except BadRequest as error:
            if all(each.rich is None for each in rendered):
                log.info("an inline query was not answered: %s", error)
                return
            # Nothing is sent by an answer, so giving a simpler one is safe whatever was wrong.
            log.warning("rich results were refused, classic ones are given: %s", error)
            await answer([render(offer.card, Form.CLASSIC) for offer in offers])
        except TelegramError as error:
            log.info("an inline query was not answered: %s", error)

    async def _find(
        self, tx: Transaction, query: InlineQuery, start: int, newest: int | None
    ) -> tuple[Preferences, list[Offer], str]:
        """Return the person's preferences, a page of posts, and the offset of the next page, if any."""
        person = query.from_user
        known = await tx.destinations.find(person.id)
        client = person.language_code or "zh"
        preferences = known.preferences if known is not None else Preferences(language=language_of(client))
        if query.query.strip():
            services = self._services
            hits, newest = await services.search_service.pages(tx, query.query, services.today, newest)
            posts = await tx.posts.many(hit.post_id for hit in hits[start : start + PER_ANSWER])
            more = len(hits) > start + PER_ANSWER
        else:
            posts = await tx.posts.latest(PER_ANSWER + 1, start)
            more = len(posts) > PER_ANSWER
        offers = [await self._offer(tx, post, preferences) for post in posts[:PER_ANSWER]]
        after = f"{start + PER_ANSWER}" if newest is None else f"{start + PER_ANSWER}:{newest}"
        return preferences, offers, after if more else ""

    async def _offer(self, tx: Transaction, post: Post, preferences: Preferences) -> Offer:
        words = words_for(preferences.language, self._services.site)
        services, action = self._services, ShowPost(post.id)
        facts = await card_facts(tx, post, excerpt=preferences.excerpt, bot=services.bot)
        address = deep_link(services.bot, action)
        here = ((Button(text=notices.open_here(words), url=address),),) if address is not None else ()
        shown = Message(body=card(facts, words).body, keyboard=here)
        return Offer(
            post=post,
            title=post.title,
            description=facts_line(facts, words),
            card=with_page(shown, services.web_pages, action, words, private=False),
        )


def offset(given: str) -> tuple[int, int | None]:
    """Return the start of the next page and the newest post at the first one; 0 for an unknown offset."""
    found = _OFFSET.fullmatch(given)
    if found is None:
        return 0, None
    return int(found[1]), int(found[2]) if found[2] else None


def result(offer: Offer, shown: Rendered) -> InlineQueryResultArticle:
    """Return a line in the list of results; its card links to the bot, where buttons work."""
    return InlineQueryResultArticle(
        id=str(offer.post.id),
        title=offer.title,
        description=offer.description,
        input_message_content=_content(shown),
        reply_markup=InlineKeyboardMarkup.de_json(json.loads(shown.keyboard)) if shown.keyboard else None,
    )


def _content(shown: Rendered) -> InputMessageContent:
    if shown.rich is not None:
        return InputRichMessageContent(shown.rich)
    return InputTextMessageContent(
        shown.html,
        parse_mode=ParseMode.HTML if shown.markup else None,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )


def _elsewhere(words: Words) -> InlineQueryResultsButton:
    """Return the button to the list of all series, for a query without results."""
    return InlineQueryResultsButton(
        notices.nothing_inline(words), start_parameter=start_payload(SeriesIndex())
    )
