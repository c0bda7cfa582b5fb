"""The shape of an exported line: which fields a record has and what they may hold. Pure; knows no storage.

Whatever passes can be stored and worked with: an hour of 99 would stop the digests of all chats.
"""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.messages.characters import clean
from storage.model import ChatKind, ExcerptLength, Format, ScopeKind, Stage, Standing, When

LONGEST_TEXT = 10_000


def _storable(text: str) -> str:
    if "\x00" in text or text.encode("utf-8", "replace").decode() != text:
        raise ValueError("a character that no database takes")
    return text


Number = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1)]
Truth = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_storable)]
Clock = Annotated[time | None, AfterValidator(lambda at: at if at is None else at.replace(tzinfo=None))]


class _Preferences(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Annotated[str, Field(max_length=8), AfterValidator(_storable)] = "zh"
    format: Format
    when: When
    hour: Annotated[int, Field(strict=True, ge=0, le=23)] = 20
    weekday: Annotated[int, Field(strict=True, ge=0, le=6)] = 6
    quiet_from: Clock
    quiet_to: Clock
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_storable)] = "Asia/Shanghai"
    silent: Truth = False
    excerpt: ExcerptLength
    pictures: Truth = True


class _Wish(BaseModel):
    kind: ScopeKind
    key: Text
    name: Text
    muted: Truth


class _Post(BaseModel):
    title: Text
    title_key: Text
    archive_id: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None


class _Course(BaseModel):
    series: Text
    name: Text
    stage: Stage
    when: When
    since: AwareDatetime
    last: _Post | None


class _Chat(BaseModel):
    version: Literal[1]
    record: Literal["chat"]
    chat_id: Number
    thread_id: Number | None
    kind: ChatKind
    title: Text
    standing: Standing
    reason: Text | None
    preferences: _Preferences
    subscriptions: list[_Wish]
    courses: list[_Course]


class _Mark(_Post):
    saved_at: AwareDatetime | None
    read_at: AwareDatetime | None


class _Person(BaseModel):
    version: Literal[1]
    record: Literal["person"]
    user_id: Number
    bookmarks: list[_Mark]


_LINE: TypeAdapter[_Chat | _Person] = TypeAdapter(Annotated[_Chat | _Person, Field(discriminator="record")])


def checked(record: object) -> Mapping[str, Any]:
    """The record as JSON values. Raises ValueError, whose one line names the first field that is wrong."""
    try:
        found = _LINE.validate_python(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("chat", "person"))
        raise ValueError(clean(f"{place or 'record'}: {first['msg']}")) from None
    return found.model_dump(mode="json", exclude_unset=True)
