"""Actions of buttons: one frozen dataclass each, `Action` is their union.

Every action names the wanted state, never a toggle, so that pressing twice equals pressing once.
"""

from dataclasses import dataclass
from enum import StrEnum

from storage.model import When


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
class CourseOffer:
    """The choice of how often a new course sends a lesson."""

    scope: int


@dataclass(frozen=True, slots=True)
class Courses:
    """All courses of the chat."""


CourseAction = CourseStart | CourseNext | CoursePause | CourseResume | CourseStop


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
    Subscribe
    | Unsubscribe
    | Mute
    | Unmute
    | TopicFor
    | Subscriptions
    | SubscribeMenu
    | UnsubscribeAll
    | Restore
)


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


@dataclass(frozen=True, slots=True)
class Latest:
    page: int = 1


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """With a `destination`: to choose what that chat is subscribed to; 0 is the chat of the button."""

    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class TagIndex:
    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class ShowScope:
    """One series, tag or category with its posts; page 0 is the one with the next unread episode."""

    scope: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class AskSearch:
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


@dataclass(frozen=True, slots=True)
class Random:
    pass


@dataclass(frozen=True, slots=True)
class Hot:
    page: int = 1


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
    BrowsingAction
    | PostAction
    | SubscriptionAction
    | SettingsAction
    | CourseAction
    | CourseOffer
    | Courses
    | ConversationAction
    | OperatorAction
)
