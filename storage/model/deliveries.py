"""Model types of deliveries: states, settlements, outcomes of an attempt."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar, NewType

from storage.model.chats import Destination
from storage.model.posts import PostId, ScopeId

DeliveryId = NewType("DeliveryId", int)


class Form(StrEnum):
    """Form of a message, from rich blocks to plain text."""

    RICH = "rich"
    CLASSIC = "classic"
    PLAIN = "plain"


class DeliveryKind(StrEnum):
    POST = "post"
    DIGEST = "digest"
    EDIT = "edit"
    COURSE = "course"
    BROADCAST = "broadcast"
    NOTICE = "notice"


class PlanKind(StrEnum):
    """What a plan does for each destination: insert deliveries of a kind, or decide about held ones."""

    POST = "post"
    EDIT = "edit"
    BROADCAST = "broadcast"
    RELEASE = "release"
    DISCARD = "discard"


class Priority(IntEnum):
    """Priority of a row, lower first; interactive answers are no rows and precede all of them."""

    POST = 10
    DIGEST = 20
    EDIT = 30
    BROADCAST = 40


class State(StrEnum):
    """The life of a delivery (README, *How a post travels*)."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A claimed delivery: one message owed to one destination, with the claim's token."""

    id: DeliveryId
    kind: DeliveryKind
    destination: Destination
    post_ids: tuple[PostId, ...]
    text: str | None
    token: str
    attempts: int
    unsure: int  # tries that left and were never answered
    scope_id: ScopeId | None = None  # the subscription that asked for it
    message_id: int | None = None  # to edit
    post_updated_at: datetime | None = None  # of a single post, as it is stored at the claim
    form: Form | None = None  # at most this rich, since a richer one was refused
    dedup_key: str = ""  # what the row is for, unique within the destination
    reply_to: int | None = None  # the message there that announced the previous episode


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is written of a finished try: the state it leads to, and why."""

    delivery_id: DeliveryId
    token: str
    state: State
    _: KW_ONLY
    reason: str | None = None
    message_id: int | None = None
    due_at: datetime | None = None  # when to try again, for PENDING
    unsure: bool = False
    counts: bool = True  # whether the try counts as an attempt
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has it. `message_id` is None where nothing new was written (an edit that changed nothing)."""

    LABEL: ClassVar = "sent"  # in metrics
    message_id: int | None


class Pause(StrEnum):
    """What a postponed request holds back: itself, its chat, the bot, or the bot until a new token."""

    NONE = "none"
    CHAT = "chat"
    BOT = "bot"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Surely not sent; worth another try after `seconds`, which are exact for a `flood` (answer 429)."""

    LABEL: ClassVar = "later"  # in metrics
    seconds: float
    reason: str
    pause: Pause = Pause.CHAT
    flood: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The request left and no answer came back: it may have been sent."""

    LABEL: ClassVar = "unsure"  # in metrics
    reason: str


class Fault(StrEnum):
    """Why Telegram refused a message, as far as it decides what is tried next."""

    CONTENT = "content"  # try a simpler rendering of the same message
    METHOD = "method"  # this server cannot do it at all
    CHAT = "chat"  # the server does not find the chat, which may be the server's fault
    TOPIC = "topic"  # the topic is closed or deleted
    RIGHTS = "rights"  # the bot may not write in the chat
    TARGET = "target"  # the message to edit or reply to was deleted
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Surely not sent, and the same request would be refused again."""

    LABEL: ClassVar = "refused"  # in metrics
    reason: str
    fault: Fault = Fault.OTHER


@dataclass(frozen=True, slots=True)
class Gone:
    """The chat cannot be written to: blocked, kicked, deactivated, deleted."""

    LABEL: ClassVar = "gone"  # in metrics
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The group became a supergroup with another id; not sent."""

    LABEL: ClassVar = "moved"  # in metrics
    chat_id: int


Outcome = Sent | RetryLater | InDoubt | Rejected | Gone | Moved
