"""Handlers: rows of the command table and the action table, and the dispatch of a request to one.

A row says how its function runs (transaction, cache) and which requests may reach it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.callbacks.actions import Action
from bot.chat.context import Reply, RequestContext, Services
from bot.chat.response_cache import cached_reply
from bot.messages import notices
from bot.render.document import Message
from storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Handler:
    """One row. `run` is called as `run(tx, services, request, argument)` and returns a Message or a Reply.

    The argument is the action of a button or the text after a command. `writes`: the transaction writes,
    once per update. `transaction=False`: `run(services, request, argument)` opens its own transactions.
    """

    run: Callable[..., Awaitable[Message | Reply]]
    writes: bool = False
    restricted: bool = False  # in groups and channels for administrators only
    expensive: bool = False  # scans the archive, draws or uploads: counted by the smaller token bucket
    cached: bool = False  # the reply depends on the archive and on `response_cache`'s key only
    marks: bool = False  # the reply shows bookmarks, so a reader who has any gets an uncached one
    role: bool = False  # needs `request.manager` in groups
    admin: bool = False  # for the chats of ADMIN_CHAT_IDS only
    transaction: bool = True


async def dispatch(
    handler: Handler,
    services: Services,
    request: RequestContext,
    argument: Any,
    key: Action | tuple[str, ...],
) -> Reply:
    """Return the reply of `handler`; `key` names the question in the response cache."""
    if handler.admin and request.chat_id not in services.admins:
        message = notices.not_an_operator(request.words, request.chat_id)
        return Reply(message=message, toast=notices.only_operators(request.words), fresh=True)
    if handler.writes:
        reply = _reply_of(await services.change(lambda tx: handler.run(tx, services, request, argument)))
        services.planned()
        return reply

    async def load() -> Reply:
        if not handler.transaction:
            return _reply_of(await handler.run(services, request, argument))

        async def unit(tx: Transaction) -> Message | Reply:
            return await handler.run(tx, services, request, argument)

        return _reply_of(await services.database.read(unit))

    if handler.cached and request.other is None:
        return await cached_reply(services, request, key, load, marks=handler.marks)
    return await load()


def _reply_of(result: Message | Reply) -> Reply:
    return result if isinstance(result, Reply) else Reply(message=result)
