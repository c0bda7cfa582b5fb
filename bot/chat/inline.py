"""`@bot words` in any chat: posts to choose from, as cards; without words the latest."""

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputMessageContent,
    InputTextMessageContent,
    LinkPreviewOptions,
    Update,
)
from telegram.constants import ParseMode
from telegram.ext import ContextTypes

from bot.archive.facts import card_facts
from bot.chat.desk import Desk
from bot.messages import replies
from bot.messages.actions import ShowPost
from bot.messages.cards import card, facts_line
from bot.messages.document import Message
from bot.messages.links import deep_link
from bot.messages.rendering import render
from bot.messages.words import Words, words_for
from storage.database import Transaction
from storage.model import Form, Post

PER_ANSWER = 10
CACHE_SECONDS = 60  # shared between people of one language would be wrong, so answers are personal


class Inline:
    """Answers inline queries."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_query(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.inline_query
        if query is None:
            return
        words = words_for(query.from_user.language_code or "zh")
        start = int(query.offset) if query.offset.isdecimal() and len(query.offset) < 7 else 0
        results, more = await self._desk.database.read(
            lambda tx: self._results(tx, query.query, start, words)
        )
        await query.answer(
            results,
            cache_time=CACHE_SECONDS,
            is_personal=True,
            next_offset=str(start + PER_ANSWER) if more else "",
        )

    async def _results(
        self, tx: Transaction, typed: str, start: int, words: Words
    ) -> tuple[list[InlineQueryResultArticle], bool]:
        if typed.strip():
            hits = await self._desk.shelf.search(tx, typed)
            posts = await tx.posts.many(hit.post_id for hit in hits[start : start + PER_ANSWER])
            more = len(hits) > start + PER_ANSWER
        else:
            posts = await tx.posts.latest(PER_ANSWER + 1, start)
            more = len(posts) > PER_ANSWER
        return [await self._result(tx, post, words) for post in posts[:PER_ANSWER]], more

    async def _result(self, tx: Transaction, post: Post, words: Words) -> InlineQueryResultArticle:
        facts = await card_facts(tx, post, bot=self._desk.bot)
        address = deep_link(self._desk.bot, ShowPost(post.id))
        shown = render(Message(body=card(facts, words).body), Form.CLASSIC)
        content: InputMessageContent = InputTextMessageContent(
            shown.html, parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True)
        )
        return InlineQueryResultArticle(
            id=str(post.id),
            title=post.title,
            description=facts_line(facts, words),
            input_message_content=content,
            reply_markup=open_button(address, words) if address else None,
        )


def open_button(address: str, words: Words) -> InlineKeyboardMarkup:
    """A card in somebody else's chat leads to the bot, where its buttons work."""
    return InlineKeyboardMarkup.from_button(InlineKeyboardButton(replies.open_here(words), url=address))
