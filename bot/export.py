"""Export and import of chats and bookmarks as JSON records.

Posts and scopes are referenced by name, since ids differ between databases. The fields are a contract
between versions of the program; `version` is the version of the record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, structs, to_builtins

from bot.text_sanitizer import clean
from storage.database import Transaction
from storage.model import (
    ChatKind,
    Course,
    Destination,
    ExcerptLength,
    Format,
    Mark,
    Post,
    PostId,
    Preferences,
    Scope,
    ScopeKind,
    Stage,
    Standing,
    When,
)

VERSION: Final = 1
STORABLE = r"\A[^\x00\ud800-\udfff]*\Z"  # what every database takes
Record = dict[str, Any]
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Meta(max_length=10_000, pattern=STORABLE)]
Instant = Annotated[datetime, Meta(tz=True)]
Clock = Annotated[time, Meta(tz=False)]


class _Preferences(Struct, kw_only=True, forbid_unknown_fields=True):
    """Preferences; those added after the first version may be missing."""

    language: Annotated[str, Meta(max_length=8, pattern=STORABLE)] | UnsetType = UNSET
    format: Format
    when: When
    hour: Annotated[int, Meta(ge=0, le=23)] | UnsetType = UNSET
    weekday: Annotated[int, Meta(ge=0, le=6)] | UnsetType = UNSET
    quiet_from: Clock | None
    quiet_to: Clock | None
    time_zone: Annotated[str, Meta(max_length=64, pattern=STORABLE)] | UnsetType = UNSET
    silent: bool | UnsetType = UNSET
    excerpt: ExcerptLength
    pictures: bool | UnsetType = UNSET
    lessons_read: bool | UnsetType = UNSET


class _Subscription(Struct):
    kind: ScopeKind
    key: Text
    name: Text
    muted: bool


class _Post(Struct, kw_only=True):
    title: Text
    title_key: Text
    archive_id: Annotated[int, Meta(ge=0, le=2**31 - 1)] | UnsetType | None = UNSET


class _Course(Struct):
    series: Text
    name: Text
    stage: Stage
    when: When
    since: Instant
    last: _Post | None


class _Chat(Struct, kw_only=True, tag_field="record", tag="chat"):
    version: Literal[1]
    chat_id: Number
    thread_id: Number | None
    kind: ChatKind
    title: Text
    standing: Standing
    reason: Text | None
    preferences: _Preferences
    subscriptions: list[_Subscription]
    courses: list[_Course]


class _Mark(_Post, kw_only=True):
    saved_at: Instant | None
    read_at: Instant | None


class _Person(Struct, kw_only=True, tag_field="record", tag="person"):
    version: Literal[1]
    user_id: Number
    bookmarks: list[_Mark]


class UnknownRecordError(ValueError):
    """The line is no record of this version; the message gives the reason."""


@dataclass(slots=True)
class Restored:
    """Result of an import; `unknown_posts` are the titles of posts that are not stored."""

    chats: int = 0
    people: int = 0
    unknown_posts: set[str] = field(default_factory=set)


async def chat_record(tx: Transaction, chat: Destination) -> Record:
    """Return the record of a chat or topic: preferences, subscriptions, courses."""
    courses = await tx.courses.of(chat.id)
    lasts = await tx.posts.many(course.last for course in courses if course.last is not None)
    posts = {post.id: _Post(**_names(post)) for post in lasts}
    record = _Chat(
        version=VERSION,
        chat_id=chat.chat_id,
        thread_id=chat.thread_id,
        kind=chat.kind,
        title=chat.title,
        standing=chat.standing,
        reason=chat.reason,
        preferences=_Preferences(
            **{name: getattr(chat.preferences, name) for name in _Preferences.__struct_fields__}
        ),
        subscriptions=[
            _Subscription(one.scope.kind, one.scope.key, one.scope.name, one.muted)
            for one in await tx.destinations.subscriptions(chat.id)
        ],
        courses=[
            _Course(
                course.scope.key,
                course.scope.name,
                course.stage,
                course.when,
                course.since,
                None if course.last is None else posts.get(course.last),
            )
            for course in courses
        ],
    )
    return _values(record)


async def person_record(tx: Transaction, user_id: int) -> Record | None:
    """Return the record of a person's bookmarks and progress, or None."""
    marks = await tx.bookmarks.everything_of(user_id)
    posts = {post.id: post for post in await tx.posts.many(mark.post_id for mark in marks)}
    bookmarks = [
        _Mark(**_names(posts[mark.post_id]), saved_at=mark.saved_at, read_at=mark.read_at)
        for mark in marks
        if mark.post_id in posts
    ]
    if not bookmarks:
        return None
    bookmarks.sort(key=lambda bookmark: bookmark.title_key)
    return _values(_Person(version=VERSION, user_id=user_id, bookmarks=bookmarks))


async def every_record(tx: Transaction) -> list[Record]:
    """Return the records of all chats, then of all people."""
    chats = [await chat_record(tx, chat) for chat in await tx.destinations.everyone()]
    people = [await person_record(tx, user_id) for user_id in await tx.bookmarks.people()]
    return chats + [record for record in people if record is not None]


def _values(record: Struct) -> Record:
    values: Record = to_builtins(record)
    return values


def _names(post: Post) -> dict[str, Any]:
    return {"title": post.title, "title_key": post.title_key, "archive_id": post.archive_id}


async def restore(tx: Transaction, records: Iterable[Mapping[str, Any]], now: datetime) -> Restored:
    """Write `records` to the database; existing rows are kept or updated.

    Raises UnknownRecordError; the caller must then roll the transaction back.
    """
    done = Restored()
    known = PostLookup(await tx.posts.everything())
    for record in records:
        match _checked(record):
            case _Chat() as chat:
                await _restore_chat(tx, chat, known, done, now)
                done.chats += 1
            case _Person() as person:
                await _restore_person(tx, person, known, done)
                done.people += 1
    return done


def _checked(record: object) -> _Chat | _Person:
    """Return the record with its fields validated. Raises UnknownRecordError with the first invalid one."""
    try:
        return convert(record, type=_Chat | _Person)
    except (ValidationError, UnicodeEncodeError) as error:  # the latter for half a character in a name
        reason, _, place = str(error).partition(" - at `$")
        text = clean(f"{place.strip('.`') or 'record'}: {reason}")
        raise UnknownRecordError(f"not a record of version {VERSION}: {text}") from error


class PostLookup:
    """Index of the stored posts by title key, alias and archive id."""

    def __init__(self, posts: Iterable[Post]) -> None:
        self._by_name: dict[object, PostId] = {}
        for post in posts:
            names = [post.title_key, *(key for key, _ in post.aliases), post.archive_id]
            self._by_name |= {name: post.id for name in names if name is not None}

    def find(self, named: _Post) -> PostId | None:
        return self._by_name.get(named.archive_id) or self._by_name.get(named.title_key)


async def _restore_chat(
    tx: Transaction, chat: _Chat, known: PostLookup, done: Restored, now: datetime
) -> None:
    given = {name: value for name, value in structs.asdict(chat.preferences).items() if value is not UNSET}
    to = await tx.destinations.restore(
        chat.chat_id, chat.thread_id, chat.kind, chat.title, Preferences(**given), now
    )
    for one in chat.subscriptions:
        scope = await _ensured(tx, one.kind, one.key, one.name)
        await tx.destinations.subscribe(to.id, scope.id, now, muted=one.muted)
    for course in chat.courses:
        last = known.find(course.last) if course.last is not None else None
        if course.last is not None and last is None:
            done.unknown_posts.add(course.last.title)
        await tx.courses.put(
            Course(
                destination_id=to.id,
                scope=await _ensured(tx, ScopeKind.SERIES, course.series, course.name),
                stage=course.stage,
                when=course.when,
                last=last,
                since=course.since,
            )
        )
    if chat.standing is Standing.GONE:
        await tx.destinations.gone(to.chat_id, chat.reason or "")


async def _ensured(tx: Transaction, kind: ScopeKind, key: str, name: str) -> Scope:
    return (await tx.scopes.ensure([(kind, key, name)]))[kind, key]


async def _restore_person(tx: Transaction, person: _Person, known: PostLookup, done: Restored) -> None:
    for mark in person.bookmarks:
        post_id = known.find(mark)
        if post_id is None:
            done.unknown_posts.add(mark.title)
            continue
        await tx.bookmarks.put(
            person.user_id, Mark(post_id=post_id, saved_at=mark.saved_at, read_at=mark.read_at)
        )
