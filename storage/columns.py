"""Column types that make the two databases agree: instants as whole microseconds, enums as their words."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, String, TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

E = TypeVar("E", bound=StrEnum)


class NaiveTimeError(ValueError):
    """A time without a zone was about to be stored."""


class Utc(TypeDecorator[datetime]):
    """An aware instant, kept as microseconds since 1970.

    SQLite drops the offset of its own date type and PostgreSQL keeps it: an integer reads the same in both,
    sorts, and is what the partial indexes compare.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTimeError(f"a time without a zone cannot be stored: {value!r}")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=int(value))


class Word(TypeDecorator[E]):
    """A StrEnum kept as its word."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__(16)
        self.kind = kind
        self._members = {member.value: member for member in kind}  # a call of the enum costs ten times more

    def process_bind_param(self, value: E | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> E | None:
        return None if value is None else self._members[value]
