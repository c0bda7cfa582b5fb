"""Tables of chats: destinations, subscriptions, courses, search words, bookmarks."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.engine import Utc, Word
from storage.model import ChatKind, ExcerptLength, Format, Stage, Standing, When
from storage.schema.metadata import Id, metadata

destinations = Table(
    "destinations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    # 0 is the chat itself: two rows with NULL would pass the unique constraint.
    Column("thread_id", BigInteger, nullable=False, server_default=text("0")),
    Column("kind", Word(ChatKind), nullable=False),
    Column("title", Text, nullable=False),
    Column("standing", Word(Standing), nullable=False),
    Column("reason", Text),
    Column("not_before", Utc),
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    Column("language", String(8), nullable=False),
    Column("format", Word(Format), nullable=False),
    Column("when", Word(When), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("quiet_from", Integer),  # minutes after local midnight
    Column("quiet_to", Integer),
    Column("time_zone", String(64), nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("excerpt", Word(ExcerptLength), nullable=False),
    Column("pictures", Boolean, nullable=False),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("chat_id", "thread_id"),
    sqlite_autoincrement=True,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("scope_id", Id, ForeignKey("scopes.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "destination_id", Id, ForeignKey("destinations.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
    Column("muted", Boolean, nullable=False, server_default=false()),
    Column("created_at", Utc, nullable=False),
)

courses = Table(
    "courses",
    metadata,
    Column("destination_id", Id, ForeignKey("destinations.id", ondelete="CASCADE"), primary_key=True),
    Column("scope_id", Id, ForeignKey("scopes.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("stage", Word(Stage), nullable=False),
    Column("when", Word(When), nullable=False),
    Column("post_id", Id, ForeignKey("posts.id", ondelete="SET NULL"), index=True),  # the last lesson
    Column("since", Utc, nullable=False),  # of the last lesson, or of the start: the next is due after it
)

phrases = Table(
    "phrases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("words", Text, nullable=False, unique=True),
    Column("used_at", Utc, nullable=False),
    sqlite_autoincrement=True,
)

bookmarks = Table(
    "bookmarks",
    metadata,
    Column("user_id", BigInteger, primary_key=True),
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("saved_at", Utc),
    Column("read_at", Utc),
)
