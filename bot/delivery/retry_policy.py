"""Retry policy: the decision table from an outcome to a delivery state and a side effect.

Pure: time is an argument.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from storage.clock import Backoff
from storage.model import (
    Delivery,
    Fault,
    Form,
    Gone,
    InDoubt,
    Moved,
    Outcome,
    Pause,
    Rejected,
    RetryLater,
    Sent,
    Settlement,
    State,
)

FIRST_WAIT = 2.0  # seconds
FIRST_CHAT_WAIT = 30.0  # before a chat that the server did not find is tried again
LONGEST_WAIT = 3600.0
# Of what is refused in unknown words, over a quarter of an hour, for a fault of the server. If its content is
# at fault, what follows to the same chat waits as long.
UNKNOWN_TRIES = 6
REFUSALS = 3  # in a row, and over REFUSED_FOR, after which a destination is suspended
REFUSED_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ChatGone:
    chat_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChatMoved:
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class ChatPaused:
    """Telegram named the time before which this chat must not be written to."""

    chat_id: int
    until: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class ChatRefused:
    """The destination refuses the bot's messages; several in a row suspend it."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChatSilent:
    """The chat does not answer for long, and a delivery in doubt waits for that."""


@dataclass(frozen=True, slots=True)
class TopicGone:
    """The topic is closed or deleted."""

    reason: str


@dataclass(frozen=True, slots=True)
class RichMissing:
    """This server has no rich messages."""


@dataclass(frozen=True, slots=True)
class AllStopped:
    """Sending pauses for every chat: the token is refused, or the whole bot must wait."""

    seconds: float
    reason: str
    token: bool


SideEffect = (
    ChatGone | ChatMoved | ChatPaused | ChatRefused | ChatSilent | TopicGone | RichMissing | AllStopped
)


@dataclass(frozen=True, slots=True)
class Decision:
    settlement: Settlement
    side_effect: SideEffect | None = None


def decide(
    delivery: Delivery, outcome: Outcome, now: datetime, *, form: Form, on_unsure: Literal["resend", "skip"]
) -> Decision:
    """Decide the state and side effect for an `outcome` at `now` of a request sent in this `form`."""
    chat_id = delivery.destination.chat_id
    match outcome:
        case Sent(message_id):
            return Decision(Settlement(delivery.id, delivery.token, State.SENT, message_id=message_id))
        case RetryLater():
            return _postponed(delivery, outcome, now)
        case InDoubt(reason) if on_unsure == "resend" and delivery.unsure < 1:
            return Decision(
                Settlement(delivery.id, delivery.token, State.PENDING, reason=reason, due_at=now, unsure=True)
            )
        case InDoubt(reason):
            return Decision(
                Settlement(delivery.id, delivery.token, State.UNCERTAIN, reason=reason, unsure=True)
            )
        case Gone(reason):
            return Decision(
                Settlement(delivery.id, delivery.token, State.FAILED, reason=reason),
                ChatGone(chat_id, reason),
            )
        case Moved(new) if new != chat_id:
            # A second move has a wait: a chat may be sent back and forth.
            due = now + _after(delivery.attempts - 1, FIRST_WAIT)
            again = Settlement(
                delivery.id, delivery.token, State.PENDING, reason=f"the chat is now {new}", due_at=due
            )
            return Decision(again, ChatMoved(chat_id, new))
        case Moved():
            return _refused(delivery, Rejected("the chat has moved to itself", Fault.CHAT), now, form)
        case Rejected():
            return _refused(delivery, outcome, now, form)
        case _:
            assert_never(outcome)


def _after(failures: int, first: float) -> timedelta:
    return timedelta(seconds=Backoff(first, LONGEST_WAIT, failures).delay)


def _postponed(delivery: Delivery, later: RetryLater, now: datetime) -> Decision:
    due, is_exact = now + timedelta(seconds=later.seconds), later.flood or later.pause is not Pause.CHAT
    if not is_exact:
        due = max(due, now + _after(delivery.attempts + 1, FIRST_WAIT))
    effect: SideEffect | None = None
    if later.pause in (Pause.BOT, Pause.TOKEN):
        effect = AllStopped(later.seconds, later.reason, token=later.pause is Pause.TOKEN)
    elif later.flood:
        effect = ChatPaused(delivery.destination.chat_id, due, later.seconds)
    if later.pause is Pause.TOKEN:
        due = now  # the pause is the worker's, so that it ends with the restart that brings a new token
    again = Settlement(
        delivery.id, delivery.token, State.PENDING, reason=later.reason, due_at=due, counts=not is_exact
    )
    return Decision(again, effect)


def _refused(delivery: Delivery, refused: Rejected, now: datetime, form: Form) -> Decision:
    reason = refused.reason
    failed = Settlement(delivery.id, delivery.token, State.FAILED, reason=reason)
    again = Settlement(delivery.id, delivery.token, State.PENDING, reason=reason, due_at=now, counts=False)
    due = now + _after(delivery.attempts, FIRST_CHAT_WAIT)
    match refused.fault:
        case Fault.METHOD if form is Form.RICH:
            return Decision(again, RichMissing())
        case Fault.CONTENT if form is not Form.PLAIN:
            simpler = Form.CLASSIC if form is Form.RICH else Form.PLAIN
            return Decision(replace(again, counts=True, form=simpler))
        case Fault.TOPIC if delivery.destination.thread_id is not None:
            return Decision(again, TopicGone(reason))
        case Fault.CHAT:
            return Decision(replace(again, counts=True, due_at=due), ChatRefused(reason))
        case Fault.OTHER if delivery.attempts < UNKNOWN_TRIES:
            return Decision(replace(again, counts=True, due_at=due))
        case Fault.RIGHTS | Fault.TOPIC:
            return Decision(failed, ChatRefused(reason))
        case Fault.CONTENT | Fault.METHOD | Fault.TARGET | Fault.OTHER:
            return Decision(failed)
        case _:
            assert_never(refused.fault)


MARGIN_SECONDS = 25.0  # to have a connection before, and to write the answer after


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """`answer_seconds` is how long a request may stay unanswered, `stop_seconds` how long a stop waits."""

    slots: int = 100
    lease: timedelta = timedelta(seconds=120)
    answer_seconds: float = 45
    stop_seconds: float = 20
    on_unsure: Literal["resend", "skip"] = "resend"
    admins: tuple[int, ...] = ()
    quiet: timedelta = timedelta()  # of a process's lease, at which what it has not begun is taken from it

    @property
    def least_lease(self) -> float:
        """Return the seconds of lease that a request needs at its start."""
        return min(self.answer_seconds + MARGIN_SECONDS, self.lease.total_seconds() / 2)
