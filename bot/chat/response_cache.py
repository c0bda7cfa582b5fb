"""Cache of replies about the archive, shared by all requests whose reply cannot differ.

The key holds the archive's revision and every property of the request that a reply depends on.
"""

from collections.abc import Awaitable, Callable

from bot.callbacks.actions import Action
from bot.chat.context import Reply, RequestContext, Services


async def cached_reply(
    services: Services,
    request: RequestContext,
    question: Action | tuple[str, ...],
    load: Callable[[], Awaitable[Reply]],
    *,
    marks: bool = False,
) -> Reply:
    """Return the cached reply to `question` or load it; `marks`: it shows the reader's bookmarks."""
    known = request.known
    if known is None or (marks and known.marks):
        return await load()
    variant = (
        request.preferences.language,
        request.preferences.excerpt,
        request.kind,
        request.reader is not None,
        request.manager,
        request.chat_id in services.admins,
        known.subscribed,
    )
    key = (type(question), question, known.revision, services.bot, *variant)
    return await services.response_cache.get(key, services.clock.monotonic(), load)
