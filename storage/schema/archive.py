"""Tables of the archive: dumps, posts, scopes, mentions, sightings, sources."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
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
from storage.model import Certainty, ScopeKind
from storage.schema.metadata import Id, metadata

dumps = Table(
    "dumps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("origin", Text, nullable=False),
    Column("layout", String(16)),
    Column("captured_at", Utc, nullable=False),
    Column("taken_in_at", Utc, nullable=False),
    Column("sightings", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("edited", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("error", Text),
    Column("notes", Text),  # a JSON array of texts, NULL for none
    Column("time_known", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)

scopes = Table(
    "scopes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Word(ScopeKind), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("kind", "key"),
    sqlite_autoincrement=True,
)

posts = Table(
    "posts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("archive_id", Integer, unique=True),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False, index=True),
    Column("title_at", Utc, nullable=False),
    Column("title_layout", String(16)),
    Column("date", Date, index=True),
    Column("month_day", String(5)),
    Column("date_certainty", Word(Certainty), nullable=False),
    Column("date_layout", String(16)),
    Column("date_at", Utc),
    Column("month_day_at", Utc),
    Column("category", Text),
    Column("category_at", Utc),
    Column("excerpt", Text, nullable=False),
    Column("excerpt_at", Utc),
    Column("excerpt_layout", String(16)),
    Column("excerpt_partial", Boolean, nullable=False, server_default=false()),
    Column("tagged", Boolean, nullable=False, server_default=false()),
    Column("tags_at", Utc),
    Column("readers", Integer),
    Column("readers_at", Utc),
    Column("comments", Integer),
    Column("series_id", Id, ForeignKey("scopes.id"), index=True),
    Column("episode", Integer),
    Column("style", String(24)),
    Column("first_seen_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False, index=True),
    Column("first_dump_id", Id, ForeignKey("dumps.id"), nullable=False, index=True),
    sqlite_autoincrement=True,
)

aliases = Table(
    "aliases",
    metadata,
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    Column("title_key", Text, primary_key=True, index=True),
    Column("title", Text, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    Column("dump_id", Id, ForeignKey("dumps.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("month_day", String(5)),
    Column("readers", Integer),
    Column("comments", Integer),
    Column("captured_at", Utc, nullable=False),
)

post_scopes = Table(
    "post_scopes",
    metadata,
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    Column("scope_id", Id, ForeignKey("scopes.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("inferred", Boolean, nullable=False, server_default=false()),
    Column("position", Integer, nullable=False, server_default=text("0")),
)

mentions = Table(
    "mentions",
    metadata,
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("target_id", Id, ForeignKey("posts.id", ondelete="SET NULL"), index=True),
)

sources = Table(
    "sources",
    metadata,
    Column("url", Text, primary_key=True),
    Column("next_run", Utc, nullable=False),
    Column("last_try", Utc),
    Column("last_success", Utc),
    Column("last_change", Utc),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("sha256", String(64)),
    Column("items_sha256", String(64)),
    Column("items", Integer),
    Column("error", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", Utc),
    Column("alerted", Boolean, nullable=False, server_default=false()),
    Column("lease_until", Utc),
    Column("token", String(32)),
)
