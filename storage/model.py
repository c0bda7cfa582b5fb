"""The nouns of the project as frozen values: what a dump shows, what is known, who is told, how it ended.

Standard library only. Every layer may import this module; it imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import NewType

PostId = NewType("PostId", int)
DumpId = NewType("DumpId", int)
DestinationId = NewType("DestinationId", int)
ScopeId = NewType("ScopeId", int)
DeliveryId = NewType("DeliveryId", int)


class Layout(StrEnum):
    """How a dump is laid out; one parser for each."""

    LISTING = "listing"
    HOME = "home"
    FEED = "feed"
    LIST_PAGE = "list-page"
    HOME_PAGE = "home-page"
    POST_PAGE = "post-page"
    ARCHIVE_PAGE = "archive-page"


class Certainty(StrEnum):
    """How sure a post's date is: printed in full, reasoned from evidence, or only likely."""

    GIVEN = "given"
    INFERRED = "inferred"
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """One capture of the blog: bytes, where they came from, and when they were captured (aware, UTC)."""

    name: str
    content: bytes
    captured_at: datetime
    origin: str = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One post as one dump shows it. None means that the dump does not say, never that there is none."""

    title: str
    date: date | None = None
    month_day: str | None = None  # "MM-DD", where the dump prints no year
    readers: int | None = None
    comments: int | None = None
    category: str | None = None
    tags: tuple[str, ...] | None = None
    excerpt: str | None = None
    archive_id: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What is known of one post of the blog, merged from all its sightings.

    `tags` are the author's (None: never seen), `inferred_tags` ours. `series` is the series' shown name.
    `date` is a day in the blog's own zone, Asia/Shanghai; the `_at` fields are UTC. The `…_at` of a
    field and `date_layout` say how good the evidence for what is shown is; `id` 0 is a post not stored yet.
    """

    id: PostId
    title: str
    title_key: str
    date: date | None
    month_day: str | None
    date_certainty: Certainty
    readers: int | None
    readers_at: datetime | None
    comments: int | None
    category: str | None
    tags: tuple[str, ...] | None
    inferred_tags: tuple[str, ...]
    excerpt: str
    series: str | None
    series_key: str | None
    episode: int | None
    style: str | None
    archive_id: int | None
    first_seen_at: datetime
    aliases: tuple[tuple[str, str], ...] = ()  # (title key, title) it bore before
    title_at: datetime | None = None
    excerpt_at: datetime | None = None
    date_layout: Layout | None = None
    series_id: ScopeId | None = None
    category_at: datetime | None = None
    tags_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Readers gained between two captures that lie `over` apart."""

    gained: int
    over: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeCapture:
    """One capture of the home page: its posts in page order, newest first."""

    posts: tuple[PostId, ...]
    captured_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What one person has marked a post as."""

    saved: bool = False
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """When one person saved and read a post."""

    post_id: PostId
    saved_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpRecord:
    """One line of the ledger: a dump that was taken in, or could not be (`error`)."""

    id: DumpId
    name: str
    sha256: str
    origin: str
    layout: Layout | None
    captured_at: datetime
    taken_in_at: datetime
    sightings: int = 0
    new: int = 0
    edited: int = 0
    unchanged: int = 0
    skipped: int = 0
    held: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A page or feed that is fetched by itself, and how that goes.

    `etag` and `last_modified` are the server's, verbatim; the hashes are of its bytes and of what they show.
    `failures` are the latest tries in a row that failed, since `failing_since`; `error` is the last reason.
    """

    url: str
    next_run: datetime
    last_try: datetime | None = None
    last_success: datetime | None = None
    last_change: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    items_sha256: str | None = None
    items: int | None = None
    error: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    alerted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A title in 《》 inside a post's excerpt; `target` is the post it names, where that is stored."""

    title: str
    kind: str  # "post" or "paper"
    cut: bool = False
    target: PostId | None = None


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class Format(StrEnum):
    """Which rendering a destination gets; AUTO sends rich only where it gains something."""

    AUTO = "auto"
    RICH = "rich"
    CLASSIC = "classic"


class When(StrEnum):
    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"


class ExcerptLength(StrEnum):
    NONE = "none"
    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When a destination wants to hear: the part of its preferences that decides what is due."""

    when: When = When.INSTANT
    hour: int = 20
    weekday: int = 6
    quiet_from: time | None = None
    quiet_to: time | None = None
    time_zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a destination has chosen; hours are local to `time_zone`."""

    language: str = "zh"
    format: Format = Format.AUTO
    when: When = When.INSTANT
    hour: int = 20
    weekday: int = 6  # Monday is 0
    quiet_from: time | None = None
    quiet_to: time | None = None
    time_zone: str = "Asia/Shanghai"
    silent: bool = False
    excerpt: ExcerptLength = ExcerptLength.FULL
    pictures: bool = True

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(
            when=self.when,
            hour=self.hour,
            weekday=self.weekday,
            quiet_from=self.quiet_from,
            quiet_to=self.quiet_to,
            time_zone=self.time_zone,
        )


class Standing(StrEnum):
    """Whether a destination can be written to. GONE keeps its subscriptions until the bot is let in again."""

    ACTIVE = "active"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A chat, or one topic of a forum chat (`thread_id`)."""

    id: DestinationId
    chat_id: int
    thread_id: int | None
    kind: ChatKind
    title: str
    standing: Standing
    reason: str | None
    preferences: Preferences = field(default_factory=Preferences)


class ScopeKind(StrEnum):
    EVERYTHING = "everything"
    SERIES = "series"
    TAG = "tag"
    CATEGORY = "category"
    WORD = "word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Something posts can be gathered under and chats can subscribe to.

    `key` is the normal form by which it is recognised, `name` what people see. EVERYTHING has neither.
    """

    id: ScopeId
    kind: ScopeKind
    key: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A scope with the number of its stored posts and the span of their dates."""

    scope: Scope
    posts: int
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A destination's wish to be told about a scope, or, if `muted`, never to be told about it."""

    destination_id: DestinationId
    scope: Scope
    muted: bool = False


class Stage(StrEnum):
    """Where a course stands."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CAUGHT_UP = "caught-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A destination reads a series from its first part; `last` is the post that was sent last.

    `when` is DAILY or WEEKLY; the next lesson is due at the first chosen hour after `since`.
    """

    destination_id: DestinationId
    scope: Scope
    stage: Stage
    when: When
    last: PostId | None
    since: datetime


class Form(StrEnum):
    """How a message is written, from the richest to the one nobody can refuse."""

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


class Priority(IntEnum):
    """Lower goes first. Interactive answers never become rows; they pass the pacing before any of these."""

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
    """A claimed duty: tell one destination one thing, under the token of the claim."""

    id: DeliveryId
    kind: DeliveryKind
    destination: Destination
    post_ids: tuple[PostId, ...]
    text: str | None
    token: str
    attempts: int
    unsure: int  # tries that left and were never answered
    scope_id: ScopeId | None = None  # the subscription that asked for it
    message_id: int | None = None
    form: Form | None = None  # at most this rich, since a richer one was refused
    duty: str = ""  # what the row is for, unique within the destination
    reply_to: int | None = None  # the message there that told of the episode before


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What is written of a finished try: the state it leads to, and why."""

    delivery_id: DeliveryId
    token: str
    state: State
    reason: str | None = None
    message_id: int | None = None
    due_at: datetime | None = None  # when to try again, for PENDING
    unsure: bool = False
    counts: bool = True  # whether the try counts as an attempt
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has it. `message_id` is None where nothing new was written (an edit that changed nothing)."""

    message_id: int | None


class Pause(StrEnum):
    """What a postponed try holds back: only its own chat, the whole bot, or everything until a new token."""

    CHAT = "chat"
    BOT = "bot"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Later:
    """Surely not sent; worth another try after `seconds`, which are exact for a `flood` (answer 429)."""

    seconds: float
    reason: str
    pause: Pause = Pause.CHAT
    flood: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request left and no answer came back: it may have been sent."""

    reason: str


class Fault(StrEnum):
    """Why Telegram refused a message, as far as it decides what is tried next."""

    CONTENT = "content"  # try a simpler rendering of the same message
    METHOD = "method"  # this server cannot do it at all
    TOPIC = "topic"  # the topic is closed or deleted
    RIGHTS = "rights"  # the chat does not let the bot write
    TARGET = "target"  # the message to edit or reply to is no more
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refused:
    """Surely not sent, and the same request would be refused again."""

    reason: str
    fault: Fault = Fault.OTHER


@dataclass(frozen=True, slots=True)
class Gone:
    """The chat cannot be written to: blocked, kicked, deactivated, deleted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The group became a supergroup with another id; not sent."""

    chat_id: int


Outcome = Sent | Later | Unsure | Refused | Gone | Moved
