"""The conversation itself: first contact, help, to be forgotten, and buttons that show or ask for nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    pass


@dataclass(frozen=True, slots=True)
class HelpPage:
    pass


@dataclass(frozen=True, slots=True)
class About:
    pass


@dataclass(frozen=True, slots=True)
class Forget:
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """A button that only shows something, such as the number of a page."""


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Take the question away and do nothing."""


ConversationAction = Start | HelpPage | About | Forget | Nothing | Dismiss
