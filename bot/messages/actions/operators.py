"""What the operators do: see how the bot is, decide about held posts, try again, speak to every chat."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    pass


@dataclass(frozen=True, slots=True)
class Dumps:
    page: int = 1


@dataclass(frozen=True, slots=True)
class Release:
    """Let the held posts of one dump go out."""

    dump: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Never announce the held posts of one dump."""

    dump: int


@dataclass(frozen=True, slots=True)
class Retry:
    pass


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send the kept draft to every chat."""

    draft: int


OperatorAction = Status | Dumps | Release | Discard | Retry | Broadcast
