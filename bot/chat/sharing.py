"""Answers about the archive that are the same for many, made once: which they are, and for whom.

An answer is used again only while the archive is what it was, and for those whose answer could not differ.
"""

from collections.abc import Awaitable, Callable

from bot.chat.asker import Answer, Asker
from bot.chat.desk import Desk
from bot.messages.actions import Action
from bot.messages.actions.browsing import (
    Archive,
    CategoryIndex,
    Hot,
    Latest,
    SearchPage,
    SeriesIndex,
    ShowScope,
    TagIndex,
)
from bot.messages.actions.conversation import About, HelpPage, Start
from bot.messages.actions.posts import Cite, Papers, Related, ShowPost

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
