"""What a chat wants to hear of, and what it does not. A scope is known by its number only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`destination` is the chat it is for, where that is not the chat the button is in."""

    scope: int
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    scope: int
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    scope: int
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Unmute:
    scope: int
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class TopicFor:
    """Make a forum topic for a scope and subscribe it there."""

    scope: int


@dataclass(frozen=True, slots=True)
class Subscriptions:
    page: int = 1
    destination: int | None = None


SubscriptionAction = Subscribe | Unsubscribe | Mute | Unmute | TopicFor | Subscriptions
