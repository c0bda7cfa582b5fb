"""What a button does, as values, and their form in callback data: compact, versioned, at most 64 bytes.

Every action says what shall be so, never "change over": pressing twice is the same as pressing once. Who may
press is decided elsewhere; a decoded action is well formed, not permitted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import NoneType
from typing import Final, get_args, get_type_hints

from storage.model import When

VERSION: Final = "1"
MAX_BYTES: Final = 64  # Bot API: callback_data of 1-64 bytes
LARGEST: Final = 2**63 - 1
_SEPARATOR: Final = ":"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,32}")  # "America/Argentina/ComodRivadavia" has 32


class Setting(StrEnum):
    """A row of /settings; the word is what stands in callback data."""

    LANGUAGE = "language"
    FORMAT = "format"
    WHEN = "when"
    HOUR = "hour"
    WEEKDAY = "weekday"
    QUIET = "quiet"
    TIME_ZONE = "zone"
    SOUND = "sound"
    EXCERPT = "excerpt"
    PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class ShowPost:
    post: int


@dataclass(frozen=True, slots=True)
class Latest:
    page: int = 1


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """With a `destination`: to choose what that chat is subscribed to."""

    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class TagIndex:
    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    page: int = 1


@dataclass(frozen=True, slots=True)
class ShowScope:
    """One series, tag or category with its posts."""

    scope: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class AskSearch:
    """Ask for the words to search for."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`phrase` is the number under which the words are kept."""

    phrase: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Archive:
    """Years; with `year` its months; with `month` the posts."""

    year: int | None = None
    month: int | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Random:
    pass


@dataclass(frozen=True, slots=True)
class Hot:
    page: int = 1


@dataclass(frozen=True, slots=True)
class Stats:
    pass


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


@dataclass(frozen=True, slots=True)
class Settings:
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The values one setting can have."""

    setting: Setting
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """`value` is 1-32 of A-Za-z0-9_+/-; whether it is a value of `setting` is for its reader to see."""

    setting: Setting
    value: str
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class CourseStart:
    """`when` is DAILY or WEEKLY."""

    scope: int
    when: When = When.DAILY


@dataclass(frozen=True, slots=True)
class CourseNext:
    scope: int


@dataclass(frozen=True, slots=True)
class CoursePause:
    scope: int


@dataclass(frozen=True, slots=True)
class CourseResume:
    scope: int


@dataclass(frozen=True, slots=True)
class CourseStop:
    scope: int


@dataclass(frozen=True, slots=True)
class Forget:
    confirmed: bool = False


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
class Nothing:
    """A button that only shows something, such as the number of a page."""


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Take the question away and do nothing."""


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


Action = (
    ShowPost | Latest | SeriesIndex | TagIndex | CategoryIndex | ShowScope | AskSearch | SearchPage | Archive
    | Random | Hot | Stats | Step | Related | Cite | Papers | Save | Unsave | Saved | MarkRead | MarkUnread
    | Reading | Subscribe | Unsubscribe | Mute | Unmute | TopicFor | Subscriptions | Settings | Options
    | Choose | CourseStart | CourseNext | CoursePause | CourseResume | CourseStop | Forget | Start | HelpPage
    | About | Nothing | Dismiss | Status | Dumps | Release | Discard | Retry | Broadcast
)  # fmt: skip

# A code is never given to another action, so that buttons of older versions keep their meaning or lose it.
CODES: Final[Mapping[str, type[Action]]] = {
    "p": ShowPost, "l": Latest, "si": SeriesIndex, "ti": TagIndex, "ci": CategoryIndex, "s": ShowScope,
    "qa": AskSearch, "q": SearchPage, "a": Archive, "r": Random, "h": Hot, "st": Stats, "d": Step,
    "pr": Related, "pc": Cite, "pp": Papers, "v": Save, "vx": Unsave, "vs": Saved, "k": MarkRead,
    "kx": MarkUnread, "ks": Reading, "b": Subscribe, "bx": Unsubscribe, "m": Mute, "mx": Unmute,
    "t": TopicFor, "bs": Subscriptions, "o": Settings, "oo": Options, "oc": Choose, "cs": CourseStart,
    "cn": CourseNext, "cp": CoursePause, "cr": CourseResume, "cx": CourseStop, "f": Forget, "z": Start,
    "zh": HelpPage, "za": About, "n": Nothing, "x": Dismiss, "us": Status, "ud": Dumps, "ur": Release,
    "ux": Discard, "ut": Retry, "ub": Broadcast,
}  # fmt: skip
_CODE_OF: Final = {action: code for code, action in CODES.items()}
_TYPES: Final[Mapping[type[Action], tuple[object, ...]]] = {
    action: tuple(get_type_hints(action)[part.name] for part in fields(action)) for action in CODES.values()
}


def encode(action: Action) -> str:
    """`action` as callback data. ValueError for a value that has no form there (`decode` would refuse it)."""
    parts = [_written(getattr(action, part.name)) for part in fields(action)]
    while parts and parts[-1] == "":
        parts.pop()
    data = _SEPARATOR.join((VERSION + _CODE_OF[type(action)], *parts))
    if decode(data) != action:
        raise ValueError(f"{action!r} cannot be a button")
    return data


def decode(data: str) -> Action | None:
    """The action of callback data; None if it is forged, damaged, or of a version that is no more."""
    if len(data) > MAX_BYTES or not data.isascii() or not data.startswith(VERSION):
        return None
    code, *parts = data[len(VERSION) :].split(_SEPARATOR)
    action = CODES.get(code)
    if action is None:
        return None
    types = _TYPES[action]
    if len(parts) > len(types) or (parts and parts[-1] == ""):
        return None
    parts += [""] * (len(types) - len(parts))
    values: list[object] = []
    for part, kind in zip(parts, types, strict=True):
        read = _read(part, kind)
        if read is _WRONG:
            return None
        values.append(read)
    build: Callable[..., Action] = action
    return build(*values)


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case _:
            return str(value)


_WRONG: Final = object()


def _read(part: str, kind: object) -> object:
    """`part` as a value of a field's type, or _WRONG."""
    options = get_args(kind)
    if NoneType in options:
        return (
            None if part == "" else _read(part, next(option for option in options if option is not NoneType))
        )
    if kind is bool:
        return part == "1" if part in ("0", "1") else _WRONG
    if kind is int:
        return int(part) if _NUMBER.fullmatch(part) and int(part) <= LARGEST else _WRONG
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next((member for member in kind if member.value == part), _WRONG)
    return part if _VALUE.fullmatch(part) else _WRONG
