"""Replies to plain text in a private chat: the answer to a question, a post, a command, or a search."""

from cachetools import LRUCache

from bot.chat.commands import CANCELS, HANDLERS, ask, referred
from bot.chat.context import Reply, RequestContext, Services, dispatch
from bot.messages import notices
from bot.messages.text_parser import find_post, parse_command
from bot.text_sanitizer import simplified
from storage.model import ChatKind

QUESTION_SECONDS = 600.0  # after which plain text is a search again
MAX_QUESTIONS = 10_000


class OpenQuestions:
    """Questions that the next plain message answers, by private chat and topic: the command and its time.

    In memory: after a restart, or in another replica, the message is a search, which changes nothing.
    """

    def __init__(self) -> None:
        self._open: LRUCache[tuple[int, int | None], tuple[str, float]] = LRUCache(maxsize=MAX_QUESTIONS)

    def open(self, request: RequestContext, reply: Reply, now: float) -> None:
        """Note the question of a reply, if it has one."""
        if reply.question is not None and request.kind is ChatKind.PRIVATE:
            self._open[request.chat_id, request.thread_id] = (reply.question, now)

    def close(self, request: RequestContext) -> None:
        """Forget the question of the place."""
        self._open.pop((request.chat_id, request.thread_id), None)

    async def answer(self, services: Services, request: RequestContext, text: str) -> Reply:
        """Return the reply to plain text: to a link or a refusal as such, else as the rest of the command."""
        command, asked_at = self._open.pop((request.chat_id, request.thread_id), ("", -QUESTION_SECONDS))
        reference = find_post(text, services.site)
        expired = services.clock.monotonic() - asked_at >= QUESTION_SECONDS
        if expired or (reference is not None and reference.explicit):
            return await plain_text(services, request, text)
        if simplified(text).strip(" 。.!！").lower() in CANCELS:
            return Reply(message=notices.nothing_changed(request.words))
        name, _, start = command.partition(" ")
        return await ask(services, request, name, f"{start} {text}")


async def plain_text(services: Services, request: RequestContext, text: str) -> Reply:
    """Return the reply to plain text in a private chat: a post that it refers to, a command, or a search."""
    text = " ".join(text.split())
    if (meant := parse_command(text)) is not None:
        return await ask(services, request, *meant)
    reference = find_post(text, services.site)
    if reference is not None and (shown := await referred(services, request, text, reference)) is not None:
        return shown
    return await dispatch(HANDLERS["search"], services, request, text, ("search", text))
