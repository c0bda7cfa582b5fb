"""Actions of buttons: frozen dataclasses, most of a few shapes; `Action` is their union.

Every action names the wanted state, never a toggle, so that pressing twice equals pressing once.
"""

from dataclasses import dataclass
from enum import StrEnum

from storage.model import When


@dataclass(frozen=True)
class _Plain:
    pass


@dataclass(frozen=True)
class _OfPage:
    page: int = 1


@dataclass(frozen=True)
class _OfPost:
    post: int


@dataclass(frozen=True)
class _OfSeries:
    scope: int


@dataclass(frozen=True)
class _ScopeOfChat:
    """`destination` is the chat it is for, where that is not the chat the button is in."""

    scope: int
    destination: int | None = None


@dataclass(frozen=True)
class _Index:
    """With a `destination`: to choose what that chat is subscribed to; 0 is the chat of the button."""

    page: int = 1
    destination: int | None = None


class Start(_Plain): ...


class HelpPage(_Plain): ...


class About(_Plain): ...


@dataclass(frozen=True, slots=True)
class Forget:
    confirmed: bool = False


class Nothing(_Plain):
    """A button that only shows something, such as the number of a page."""


class Dismiss(_Plain):
    """Take the question away and do nothing."""


ConversationAction = Start | HelpPage | About | Forget | Nothing | Dismiss


@dataclass(frozen=True, slots=True)
class CourseStart:
    """`when` is DAILY or WEEKLY."""

    scope: int
    when: When = When.DAILY


class CourseNext(_OfSeries): ...


class CoursePause(_OfSeries): ...


class CourseResume(_OfSeries): ...


class CourseStop(_OfSeries): ...


class CourseOffer(_OfSeries):
    """The choice of how often a new course sends a lesson."""


class Courses(_Plain):
    """All courses of the chat."""


CourseAction = CourseStart | CourseNext | CoursePause | CourseResume | CourseStop


class Status(_Plain): ...


class Dumps(_OfPage): ...


@dataclass(frozen=True, slots=True)
class Release:
    """Let the held posts of one dump go out."""

    dump: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Never announce the held posts of one dump."""

    dump: int


class Retry(_Plain): ...


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send the kept draft to every chat."""

    draft: int


OperatorAction = Status | Dumps | Release | Discard | Retry | Broadcast


class Subscribe(_ScopeOfChat): ...


class Unsubscribe(_ScopeOfChat): ...


class Mute(_ScopeOfChat): ...


class Unmute(_ScopeOfChat): ...


class TopicFor(_OfSeries):
    """Make a forum topic for a scope and subscribe it there."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class SubscribeMenu:
    """The choice of what to subscribe to."""

    destination: int | None = None


@dataclass(frozen=True, slots=True)
class UnsubscribeAll:
    """Remove the subscriptions that the stored list `listed` names; 0 asks first."""

    listed: int = 0
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Restore:
    """Subscribe again to what the stored list `removed` names."""

    removed: int
    destination: int | None = None


SubscriptionAction = (
    Subscribe | Unsubscribe | Mute | Unmute | TopicFor | Subscriptions | SubscribeMenu | UnsubscribeAll
    | Restore
)  # fmt: skip


class ShowPost(_OfPost): ...


@dataclass(frozen=True, slots=True)
class Step:
    """One post of a delivered digest after another; `position` is from 1, 0 begins below the digest."""

    delivery: int
    position: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    post: int
    page: int = 1


class Cite(_OfPost): ...


class Papers(_OfPost): ...


class Save(_OfPost): ...


class Unsave(_OfPost): ...


class Saved(_OfPage): ...


class MarkRead(_OfPost): ...


class MarkUnread(_OfPost): ...


class Reading(_OfPage):
    """How far each series is read."""


Mark = Save | Unsave | MarkRead | MarkUnread
PostAction = ShowPost | Step | Related | Cite | Papers | Mark | Saved | Reading


class Setting(StrEnum):
    """A row of /settings; the value is its name in callback data."""

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
    LESSONS = "lessons"


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


SettingsAction = Settings | Options | Choose


class Latest(_OfPage): ...


class SeriesIndex(_Index): ...


class TagIndex(_Index): ...


class CategoryIndex(_Index): ...


@dataclass(frozen=True, slots=True)
class ShowScope:
    """One series, tag or category with its posts; page 0 is the one with the next unread episode."""

    scope: int
    page: int = 0


class AskSearch(_Plain):
    """Ask for the words to search for."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`phrase` is the number under which the words are kept, `newest` the newest post at the first page."""

    phrase: int
    page: int = 1
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """Years; with `year` its months; with `month` the posts."""

    year: int | None = None
    month: int | None = None
    page: int = 1


class Random(_Plain): ...


class Hot(_OfPage): ...


class ListKind(StrEnum):
    """List of posts that can be taken along as a file."""

    SCOPE = "scope"
    SEARCH = "search"
    SAVED = "saved"


class FileForm(StrEnum):
    """Format of such a file; the value is the ending of its name."""

    BIB = "bib"
    MD = "md"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Files:
    """Choose the format of a list; `number` is the scope or the stored phrase."""

    kind: ListKind
    number: int = 0


@dataclass(frozen=True, slots=True)
class SendFile:
    """Send a list as a document."""

    kind: ListKind
    form: FileForm
    number: int = 0


BrowsingAction = (
    Latest | SeriesIndex | TagIndex | CategoryIndex | ShowScope | AskSearch | SearchPage | Archive
    | Random | Hot | Files | SendFile
)  # fmt: skip


Action = (
    BrowsingAction | PostAction | SubscriptionAction | SettingsAction | CourseAction | CourseOffer | Courses
    | ConversationAction | OperatorAction
)  # fmt: skip
