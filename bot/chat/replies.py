"""Sender of replies: in the chat's format, simpler where that is refused, before deliveries.

A message that was surely not sent may be retried in a simpler form; one in doubt is never repeated.
"""

import asyncio
import logging
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

from cachetools import TTLCache

from bot.delivery.messenger import Address, RichCapability, TelegramMessenger
from bot.rate_limit import NOT_SOON
from bot.rate_limit.in_process import RateLimiter
from bot.render import Rendered, choose, render
from bot.render.document import Message
from bot.telegram.http_request import SendGate
from bot.update_dedup import postpone_update
from storage.clock import Backoff, Clock
from storage.model import Fault, Form, Format, Moved, Outcome, Pause, Rejected, RetryLater, Sent

log = logging.getLogger(__name__)

LONGEST_WAIT = 30.0  # seconds; the longest wait of a reply for its slot
EACH = 2  # requests to one chat at a time: were its answers to hang, they would occupy every connection
KEPT = 256  # rendered messages
KEPT_SECONDS = 60.0
FIRST_RETRY = 0.5  # seconds before an answer that was surely not sent is sent again
SIMPLER = {Form.RICH: Form.CLASSIC, Form.CLASSIC: Form.PLAIN}


class Request(Protocol):
    """One request of the messenger, behind the gate of its slot."""

    async def __call__(self, *, gate: SendGate) -> Outcome: ...


class ReplySender:
    """Answers go before pushes in the rate limit, and through connections of their own."""

    def __init__(
        self, messenger: TelegramMessenger, limiter: RateLimiter, clock: Clock, *, rich: RichCapability
    ) -> None:
        self._messenger = messenger
        self._limiter = limiter
        self._clock = clock
        self._rich = rich
        self._places: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        # Messages that many requests share, kept with their entries so that each id() stays unique.
        self._rendered: TTLCache[tuple[int, Format, bool], tuple[Message, Rendered]] = TTLCache(
            maxsize=KEPT, ttl=KEPT_SECONDS, timer=clock.monotonic
        )

    async def send(
        self,
        to: Address,
        message: Message,
        *,
        wish: Format = Format.AUTO,
        in_place_of: int | None = None,
        reply_to: int | None = None,
    ) -> Outcome:
        """Send a message once; `in_place_of` edits that message, or sends a new one if that fails."""
        rendered: Rendered | None = self._render(message, wish)
        outcome: Outcome = Rejected("nothing was tried")
        deadline, backoff = self._deadline(), Backoff(FIRST_RETRY, LONGEST_WAIT)
        while rendered is not None:
            if in_place_of is None:
                request = partial(self._messenger.send, to, rendered, reply_to=reply_to)
            else:
                request = partial(self._messenger.edit, to, in_place_of, rendered)
            outcome = await self._in_turn(to, request, deadline)
            match outcome:
                case Rejected(_, Fault.METHOD) if rendered.form is Form.RICH:
                    self._rich.missing()
                    rendered = render(message, Form.CLASSIC)
                case Rejected(_, Fault.TARGET) if in_place_of is not None:
                    in_place_of = None
                case Moved(chat_id):  # the group has just become a supergroup
                    to, in_place_of, reply_to = Address(chat_id=chat_id), None, None
                case Rejected(_, Fault.CONTENT):
                    log.warning("a message was refused as %s: %s", rendered.form, outcome.reason)
                    simpler = SIMPLER.get(rendered.form)
                    rendered = render(message, simpler) if simpler is not None else None
                case RetryLater() if self._clock.monotonic() + outcome.seconds <= deadline:
                    if not outcome.flood:  # the limiter holds the next request until a flood is over
                        await asyncio.sleep(min(outcome.seconds, backoff.fail()))
                case _:
                    rendered = None
        if not isinstance(outcome, Sent):
            log.warning("an answer was not sent: %s", outcome)
        return outcome

    async def send_document(self, to: Address, name: str, content: bytes) -> Outcome:
        """Send a file, once."""
        request = partial(self._messenger.send_document, to, name, content)
        outcome = await self._in_turn(to, request, self._deadline())
        if not isinstance(outcome, Sent):
            log.warning("a file was not sent: %s", outcome)
        return outcome

    async def send_photo(
        self, to: Address, png: bytes, caption: Message, *, reply_to: int | None = None
    ) -> Outcome:
        """Send a picture with its caption, once."""
        shown = render(caption, Form.CLASSIC)
        request = partial(self._messenger.send_photo, to, png, shown, reply_to=reply_to)
        outcome = await self._in_turn(to, request, self._deadline())
        if not isinstance(outcome, Sent):
            log.info("a picture was not sent: %s", outcome)
        return outcome

    def _deadline(self) -> float:
        return self._clock.monotonic() + LONGEST_WAIT

    async def _in_turn(self, to: Address, request: Request, deadline: float) -> Outcome:
        """Send a request in its slot of the rate limit; NOT_SOON if that is more than LONGEST_WAIT away."""
        place = self._places.setdefault(to.chat_id, asyncio.Semaphore(EACH))
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await place.acquire()
        except TimeoutError:
            return NOT_SOON
        try:
            longest = deadline - self._clock.monotonic()
            private = to.chat_id > 0  # groups and channels have negative ids
            slot = await self._limiter.acquire_for_answer(to.chat_id, private, longest)
            if slot is None:
                return NOT_SOON
            outcome = await request(gate=slot)
        finally:
            place.release()
        if isinstance(outcome, Sent):
            self._limiter.record_success(to.chat_id)
        if isinstance(outcome, RetryLater) and outcome.pause is Pause.TOKEN:
            postpone_update()  # an answer with the next token, also after a restart
        if isinstance(outcome, RetryLater) and outcome.flood:
            await self._limiter.pause_chat_after_answer(to.chat_id, outcome.seconds)
        return outcome

    def _render(self, message: Message, wish: Format) -> Rendered:
        rich = self._rich.usable()
        key = (id(message), wish, rich)
        kept = self._rendered.get(key)
        if kept is None:
            kept = self._rendered[key] = message, render(message, choose(message, wish, rich=rich))
        return kept[1]
