"""Export and import of chats and bookmarks as JSON records.

Posts and scopes are referenced by name, since ids differ between databases. The fields are a contract
between versions of the program; `version` is the version of the record.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, to_builtins

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

Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Meta(max_length=10_000)]
Instant = Annotated[datetime, Meta(tz=True)]
Clock = Annotated[time, Meta(tz=False)]


class _Preferences(Struct, kw_only=True, forbid_unknown_fields=True):
    """Preferences; those added after the first version may be missing."""

    language: Annotated[str, Meta(max_length=8)] | UnsetType = UNSET
    format: Format
    when: When
    hour: Annotated[int, Meta(ge=0, le=23)] | UnsetType = UNSET
    weekday: Annotated[int, Meta(ge=0, le=6)] | UnsetType = UNSET
    quiet_from: Clock | None
    quiet_to: Clock | None
    time_zone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
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


class _Chat(Struct, tag_field="record", tag="chat"):
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


class _Person(Struct, tag_field="record", tag="person"):
    version: Literal[1]
    user_id: Number
    bookmarks: list[_Mark]


def checked(record: object) -> Mapping[str, Any]:
    """Return the validated record as JSON values. Raises ValueError with the first invalid field."""
    try:
        values: dict[str, Any] = to_builtins(convert(record, type=_Chat | _Person))
    except ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise ValueError(clean(f"{place.strip('.`') or 'record'}: {reason}")) from None
    for text in _texts(values):
        if "\x00" in text or text.encode("utf-8", "replace").decode() != text:
            raise ValueError("record: a character that no database takes")
    return values


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


VERSION = 1
Record = dict[str, Any]


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
    titles = {post.id: post for post in await tx.posts.many(_lasts(await tx.courses.of(chat.id)))}
    return {
        "version": VERSION,
        "record": "chat",
        "chat_id": chat.chat_id,
        "thread_id": chat.thread_id,
        "kind": chat.kind,
        "title": chat.title,
        "standing": chat.standing,
        "reason": chat.reason,
        "preferences": {
            name: _plain(getattr(chat.preferences, name)) for name in _Preferences.__struct_fields__
        },
        "subscriptions": [
            _scope(subscription.scope) | {"muted": subscription.muted}
            for subscription in await tx.destinations.subscriptions(chat.id)
        ],
        "courses": [
            {
                "series": course.scope.key,
                "name": course.scope.name,
                "stage": course.stage,
                "when": course.when,
                "since": course.since.isoformat(),
                "last": _post(titles[course.last]) if course.last in titles else None,
            }
            for course in await tx.courses.of(chat.id)
        ],
    }


async def person_record(tx: Transaction, user_id: int) -> Record | None:
    """Return the record of a person's bookmarks and progress, or None."""
    marks = await tx.bookmarks.everything_of(user_id)
    posts = {post.id: post for post in await tx.posts.many(mark.post_id for mark in marks)}
    bookmarks = [
        _post(posts[mark.post_id]) | {"saved_at": _plain(mark.saved_at), "read_at": _plain(mark.read_at)}
        for mark in marks
        if mark.post_id in posts
    ]
    if not bookmarks:
        return None
    bookmarks.sort(key=lambda bookmark: str(bookmark["title_key"]))
    return {"version": VERSION, "record": "person", "user_id": user_id, "bookmarks": bookmarks}


async def every_record(tx: Transaction) -> list[Record]:
    """Return the records of all chats, then of all people."""
    chats = [await chat_record(tx, chat) for chat in await tx.destinations.everyone()]
    people = [await person_record(tx, user_id) for user_id in await tx.bookmarks.people()]
    return chats + [record for record in people if record is not None]


async def restore(tx: Transaction, records: Iterable[Mapping[str, Any]], now: datetime) -> Restored:
    """Write `records` to the database; existing rows are kept or updated.

    Raises UnknownRecordError; the caller must then roll the transaction back.
    """
    done = Restored()
    known = PostLookup(await tx.posts.everything())
    for record in records:
        try:
            whole = checked(record)
        except ValueError as error:
            raise UnknownRecordError(f"not a record of version {VERSION}: {error}") from error
        await _restore(tx, whole, known, done, now)
    return done


class PostLookup:
    """Index of the stored posts by title key, alias and archive id."""

    def __init__(self, posts: Iterable[Post]) -> None:
        self._by_name: dict[object, PostId] = {}
        for post in posts:
            names = [post.title_key, *(key for key, _ in post.aliases), post.archive_id]
            self._by_name |= {name: post.id for name in names if name is not None}

    def find(self, named: Mapping[str, Any]) -> PostId | None:
        return self._by_name.get(named.get("archive_id")) or self._by_name.get(named["title_key"])


async def _restore(
    tx: Transaction, record: Mapping[str, Any], known: PostLookup, done: Restored, now: datetime
) -> None:
    if record["record"] == "chat":
        await _restore_chat(tx, record, known, done, now)
        done.chats += 1
    else:
        await _restore_person(tx, record, known, done)
        done.people += 1


async def _restore_chat(
    tx: Transaction, record: Mapping[str, Any], known: PostLookup, done: Restored, now: datetime
) -> None:
    kind, preferences = ChatKind(record["kind"]), _preferences(record["preferences"])
    to = await tx.destinations.restore(
        record["chat_id"], record["thread_id"], kind, record["title"], preferences, now
    )
    for subscription in record["subscriptions"]:
        scope = await _ensured(tx, ScopeKind(subscription["kind"]), subscription["key"], subscription["name"])
        await tx.destinations.subscribe(to.id, scope.id, now, muted=subscription["muted"])
    for course in record["courses"]:
        scope = await _ensured(tx, ScopeKind.SERIES, course["series"], course["name"])
        last = known.find(course["last"]) if course["last"] else None
        if course["last"] and last is None:
            done.unknown_posts.add(course["last"]["title"])
        await tx.courses.put(
            Course(
                destination_id=to.id,
                scope=scope,
                stage=Stage(course["stage"]),
                when=When(course["when"]),
                last=last,
                since=datetime.fromisoformat(course["since"]),
            )
        )
    if record["standing"] == Standing.GONE:
        await tx.destinations.gone(to.chat_id, record["reason"] or "")


async def _ensured(tx: Transaction, kind: ScopeKind, key: str, name: str) -> Scope:
    return (await tx.scopes.ensure([(kind, key, name)]))[kind, key]


async def _restore_person(
    tx: Transaction, record: Mapping[str, Any], known: PostLookup, done: Restored
) -> None:
    for bookmark in record["bookmarks"]:
        post_id = known.find(bookmark)
        if post_id is None:
            done.unknown_posts.add(bookmark["title"])
            continue
        saved, read = _instant(bookmark["saved_at"]), _instant(bookmark["read_at"])
        await tx.bookmarks.put(record["user_id"], Mark(post_id=post_id, saved_at=saved, read_at=read))


def _preferences(values: Mapping[str, Any]) -> Preferences:
    return Preferences(
        **{
            **values,
            "format": Format(values["format"]),
            "when": When(values["when"]),
            "excerpt": ExcerptLength(values["excerpt"]),
            "quiet_from": _clock(values["quiet_from"]),
            "quiet_to": _clock(values["quiet_to"]),
        }
    )


def _clock(value: str | None) -> time | None:
    return None if value is None else time.fromisoformat(value)


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _plain(value: object) -> object:
    match value:
        case StrEnum():
            return str(value)
        case time() | datetime():
            return value.isoformat()
        case _:
            return value


def _scope(scope: Scope) -> Record:
    return {"kind": scope.kind, "key": scope.key, "name": scope.name}


def _post(post: Post) -> Record:
    return {"title": post.title, "title_key": post.title_key, "archive_id": post.archive_id}


def _lasts(courses: Iterable[Course]) -> list[PostId]:
    return [course.last for course in courses if course.last is not None]
