"""Answers about the archive that are the same for many, made once: which they are, and for whom.

An answer is used again only while the archive is what it was, and for those whose answer could not differ.
"""

from collections.abc import Awaitable, Callable

from bot.callbacks.actions import (
    About,
    Action,
    Archive,
    CategoryIndex,
    Cite,
    HelpPage,
    Hot,
    Latest,
    Papers,
    Related,
    SearchPage,
    SeriesIndex,
    ShowPost,
    ShowScope,
    Start,
    TagIndex,
)
from bot.chat.context import Answer, Asker, Desk

SHARED = (
    Latest, SeriesIndex, TagIndex, CategoryIndex, ShowScope, ShowPost, Archive,
    Related, Cite, Papers, Hot, SearchPage, Start, HelpPage, About,
)  # fmt: skip


async def shared(
    desk: Desk, asker: Asker, question: Action | tuple[str, ...], make: Callable[[], Awaitable[Answer]]
) -> Answer:
    """The answer to a question about the archive, kept or made."""
    known = asker.known
    if known is None or (known.marks and isinstance(question, ShowPost)):  # a card shows one's marks
        return await make()
    whom = (
        asker.preferences.language,
        asker.preferences.excerpt,
        asker.kind,
        asker.reader is not None,
        asker.chat_id in desk.admins,
        known.subscribed,
    )
    key = (type(question), question, known.revision, desk.bot, *whom)
    return await desk.kept.get(key, desk.clock.monotonic(), make)
