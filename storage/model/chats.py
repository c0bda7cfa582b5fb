"""Model types of chats: destinations with their preferences, scopes, subscriptions, courses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.model.posts import PostId, ScopeId

DestinationId = NewType("DestinationId", int)


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class Format(StrEnum):
    """Rendering for a destination; AUTO sends rich messages only where they add something."""

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
    """Schedule part of the preferences of a destination, which decides due times, local to `time_zone`."""

    when: When = When.INSTANT
    hour: int = 20
    weekday: int = 6  # Monday is 0
    quiet_from: time | None = None
    quiet_to: time | None = None
    time_zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences(Rhythm):
    """What a destination has chosen."""

    language: str = "zh"
    format: Format = Format.AUTO
    silent: bool = False
    excerpt: ExcerptLength = ExcerptLength.FULL
    pictures: bool = True
    lessons_read: bool = False  # a lesson that was sent counts as read


class Standing(StrEnum):
    """Whether a destination can receive messages; GONE keeps its subscriptions."""

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
    refusals: int = 0  # of the right to write there, one after the other


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
    """Subscription of a destination to a scope or, if `muted`, its exclusion."""

    destination_id: DestinationId
    scope: Scope
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAsker:
    """Stored context of a request: the chat or topic, its subscriptions, whether the person has marks.

    `revision` changes whenever the archive does.
    """

    destination: Destination | None = None
    subscribed: frozenset[ScopeId] = frozenset()
    marks: bool = False
    revision: tuple[int, int] = (0, 0)


class Stage(StrEnum):
    """State of a course."""

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


UTC_ZONE = ZoneInfo("UTC")


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of this name; UTC for a zone that is missing on this machine."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE


def local_minute(zone: str, now: datetime) -> int:
    """Minutes after midnight on the clock of `zone`."""
    shown = now.astimezone(zone_of(zone))
    return shown.hour * 60 + shown.minute


def in_quiet(since: time | None, until: time | None, zone: str, now: datetime) -> bool:
    """Whether `now` lies in the hours from `since` until before `until`, perhaps past midnight."""
    if since is None or until is None:
        return False
    minute, begin, end = local_minute(zone, now), _minutes(since), _minutes(until)
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
