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
from bot.chat.context import Reply, RequestContext, Services

SHARED = (
    Latest, SeriesIndex, TagIndex, CategoryIndex, ShowScope, ShowPost, Archive,
    Related, Cite, Papers, Hot, SearchPage, Start, HelpPage, About,
)  # fmt: skip


async def cached_reply(
    services: Services,
    request: RequestContext,
    question: Action | tuple[str, ...],
    make: Callable[[], Awaitable[Reply]],
) -> Reply:
    """The answer to a question about the archive, kept or made."""
    known = request.known
    if known is None or (known.marks and isinstance(question, ShowPost)):  # a card shows one's marks
        return await make()
    whom = (
        request.preferences.language,
        request.preferences.excerpt,
        request.kind,
        request.reader is not None,
        request.chat_id in services.admins,
        known.subscribed,
    )
    key = (type(question), question, known.revision, services.bot, *whom)
    return await services.response_cache.get(key, services.clock.monotonic(), make)
