"""Model types of the archive: dumps, sightings, posts, mentions, sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType

PostId = NewType("PostId", int)
DumpId = NewType("DumpId", int)
ScopeId = NewType("ScopeId", int)


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


class NoteKind(StrEnum):
    """Category of a note on a parsed dump."""

    SKIPPED = "skipped"  # a post, an item or a record that was left out
    UNREAD = "unread"  # a line that looks like a By line and could not be parsed
    CUT = "cut"  # the capture ends early
    CHARSET = "charset"  # the character set was guessed, or bytes were replaced
    ODD = "odd"  # parsed, but parts of the dump contradict each other


@dataclass(frozen=True, slots=True)
class Note:
    """One remark on a parsed dump: its kind and one line of text for the operator."""

    kind: NoteKind
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """One capture of the blog: its bytes, their origin, and the capture time (aware, UTC).

    `address` is the URL of the captured page, None where the capture does not carry it. `truncated` is set
    where the capture is shorter than it declares; `notes` are those of the container it was unpacked from.
    `time_known`: the capture states its time or was fetched live, a file's modification time is only a guess.
    """

    name: str
    content: bytes
    captured_at: datetime
    origin: str = "folder"
    address: str | None = None
    truncated: bool = False
    notes: tuple[Note, ...] = ()
    time_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One post as one dump shows it. None means that the dump does not say, never that there is none.

    `excerpt_partial` marks an excerpt without a known end (a cut capture, the text of a whole article): any
    complete excerpt replaces it. `tags_partial` marks only some of the post's tags. `untitled`: the dump does
    not show the title, which is empty or the stored one.
    """

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
    excerpt_partial: bool = False
    tags_partial: bool = False
    untitled: bool = False


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
    title_layout: Layout | None = None
    excerpt_at: datetime | None = None
    excerpt_layout: Layout | None = None
    excerpt_partial: bool = False
    date_layout: Layout | None = None
    date_at: datetime | None = None
    month_day_at: datetime | None = None
    series_id: ScopeId | None = None
    category_at: datetime | None = None
    tags_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Readers gained between two captures, `over` apart; negative if their times contradict the readers."""

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
    notes: tuple[Note, ...] = ()
    time_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """State of a page or feed that is fetched on a schedule.

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
