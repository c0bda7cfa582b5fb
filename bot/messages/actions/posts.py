"""One post: to see it, what hangs on it, and what a reader keeps of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShowPost:
    post: int


@dataclass(frozen=True, slots=True)
class Step:
    """One post of a delivered digest after another; `position` is from 1, 0 begins below the digest."""

    delivery: int
    position: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    post: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Cite:
    post: int


@dataclass(frozen=True, slots=True)
class Papers:
    post: int


@dataclass(frozen=True, slots=True)
class Save:
    post: int


@dataclass(frozen=True, slots=True)
class Unsave:
    post: int


@dataclass(frozen=True, slots=True)
class Saved:
    page: int = 1


@dataclass(frozen=True, slots=True)
class MarkRead:
    post: int


@dataclass(frozen=True, slots=True)
class MarkUnread:
    post: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How far each series is read."""

    page: int = 1


Mark = Save | Unsave | MarkRead | MarkUnread
PostAction = ShowPost | Step | Related | Cite | Papers | Mark | Saved | Reading
