"""Preview of a post's message as an HTML page or a PNG, for operators and the README."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.archive_queries import card_facts
from bot.delivery.composer import news_of
from bot.messages.cards import announcement, card
from bot.messages.i18n import words_for
from bot.preview.html import Shot, page
from bot.preview.screenshot import take_picture
from bot.render.document import Message
from bot.search.index import build
from bot.search.ranker import search
from bot.settings import Settings
from storage.database import Transaction, open_database
from storage.model import Post, PostId

ENDINGS: Final = (".html", ".png")
BOT: Final = "kexue_bot"  # links in a preview need some username


class NoSuchPostError(Exception):
    """Error for a query that matches no stored post; the text says what to do."""


async def preview(settings: Settings, wanted: str, *, language: str, kind: str) -> tuple[str, str]:
    """Return the title of the post that matches `wanted`, and a page with its message.

    Raises NoSuchPostError and UnusableDatabaseError.
    """
    database = await open_database(settings.database_address())
    try:
        post, message = await database.read(lambda tx: _message(tx, wanted, language, kind))
    finally:
        await database.close()
    return post.title, page([Shot(name=post.title, message=message)], title=post.title)


def write(shown: str, out: Path) -> None:
    """Write a page, or a picture of it if the name ends in .png. Raises NoPictureError and OSError."""
    if out.suffix.lower() == ".png":
        take_picture(shown, out)
    else:
        out.write_text(shown, encoding="utf-8")


async def _message(tx: Transaction, wanted: str, language: str, kind: str) -> tuple[Post, Message]:
    post = await _find(tx, wanted)
    facts = replace(await card_facts(tx, post, bot=BOT), saved=False)
    words = words_for(language)
    if kind == "card":
        return post, card(replace(facts, read=False), words)
    return post, announcement(facts, words, news=news_of(post))


async def _find(tx: Transaction, wanted: str) -> Post:
    """Return the post by its id, by its archive id on the blog, or the best search hit for the words."""
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 else None
    if number is not None and (post := await tx.posts.get(PostId(number))) is not None:
        return post
    every = await tx.posts.everything()
    if number is not None and (named := [post for post in every if post.archive_id == number]):
        return named[0]
    if hits := search(build(every), wanted):
        return next(post for post in every if post.id == hits[0].post_id)
    raise NoSuchPostError(
        f"no stored post matches {wanted!r}: give its number, its archive id, or words of its title"
    )
