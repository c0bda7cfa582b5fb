"""Tables of the current schema, private to `storage`: rows never leave it.

History is in `migrations`; a test proves that the two agree.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.engine import Utc, Word
from storage.model import (
    Certainty,
    ChatKind,
    DeliveryKind,
    ExcerptLength,
    Form,
    Format,
    PlanKind,
    ScopeKind,
    Stage,
    Standing,
    State,
    When,
)

# Constraint names are the same on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows only in a column that is exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


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
    Column("series_id", Id, ForeignKey("scopes.id")),
    Column("episode", Integer),
    Column("style", String(24)),
    Column("first_seen_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False, index=True),
    Column("edited_at", Utc),  # capture time of the last edit of title or excerpt
    Column("first_dump_id", Id, ForeignKey("dumps.id"), nullable=False, index=True),
    sqlite_autoincrement=True,
)
Index("ix_posts_series_episode", posts.c.series_id, posts.c.episode)

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
    Column("lessons_read", Boolean, nullable=False, server_default=text("false")),
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


# Without foreign keys, whose checks cost more than the rows: who deletes a destination or a post deletes or
# moves its deliveries (tests/storage/test_destinations.py).
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("destination_id", Id, nullable=False),
    # What the row is for, in words unique within a destination: "post:12", "digest:dump:7", "edit:12:3".
    Column("duty", Text, nullable=False),
    Column("kind", Word(DeliveryKind), nullable=False),
    Column("post_id", Id),
    Column("scope_id", Id),
    Column("payload", Text),
    Column("state", Word(State), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("lease_until", Utc),
    Column("token", String(32)),
    # The holding of the process's own lease under which it was claimed; with it the claim ends.
    Column("owner", String(32)),
    Column("begun", Boolean, nullable=False, server_default=false()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("unsure", Integer, nullable=False, server_default=text("0")),
    Column("message_id", BigInteger),
    Column("form", Word(Form)),
    Column("reason", Text),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    UniqueConstraint("destination_id", "duty"),
    sqlite_autoincrement=True,
)

# On PostgreSQL of ranges of pages (0011): rows come post by post, and it costs a planned row nothing.
Index("ix_deliveries_post_id", deliveries.c.post_id)


def _index(name: str, states: str, *columns: Column[Any]) -> None:
    """Add a partial index; it serves a query only if the query repeats `states` literally (outbox_sql.py).

    The predicate for PostgreSQL is in its migration: here it would load that dialect, 2 MB, for SQLite too.
    """
    Index(f"ix_deliveries_{name}", *columns, sqlite_where=text(states))


_index("pending", "state = 'pending'", deliveries.c.priority, deliveries.c.due_at, deliveries.c.id)
_index("open", "state IN ('pending', 'sending')", deliveries.c.destination_id, deliveries.c.id)
_index("sending", "state = 'sending'", deliveries.c.lease_until)
# What neither waits nor was sent: few rows, counted without reading the history.
UNSENT_STATES = "state IN ('failed', 'uncertain', 'cancelled', 'expired', 'held')"
_index("unsent", UNSENT_STATES, deliveries.c.state)

# What is wanted but not due yet: digests and quiet hours. When it falls due follows from `since` and from
# what the destination has chosen by then, so that a change of mind moves no rows.
waiting = Table(
    "waiting",
    metadata,
    Column("destination_id", Id, ForeignKey("destinations.id", ondelete="CASCADE"), primary_key=True),
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("scope_id", Id, ForeignKey("scopes.id", ondelete="SET NULL")),
    Column("since", Utc, nullable=False),
    Column("held", Boolean, nullable=False, server_default=false()),
)

# When requests started, or will, that a window still counts: of the bot, and of each chat written to lately.
pace = Table(
    "pace",
    metadata,
    Column("key", String(40), primary_key=True),  # "bot", or a chat's id
    Column("starts", Text, nullable=False, server_default=text("''")),
    Column("paused_until", Utc),
    Column("flooded_at", Utc),
    Column("until", Utc, nullable=False, index=True),  # after it the row says nothing any more
)

# What is planned in batches of destinations, by their ids; the row is deleted after the last batch.
plans = Table(
    "plans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Word(PlanKind), nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("dump_id", Id),
    Column("payload", Text, nullable=False),  # of a broadcast its text, of posts and edits their ids: "3,5"
    Column("state", Word(State), nullable=False),
    Column("digest_above", Integer, nullable=False, server_default=text("0")),
    Column("after_id", BigInteger, nullable=False),  # the cursor: destinations up to it are planned
    Column("created_at", Utc, nullable=False),
    Column("since", Utc),  # of edits: messages sent before it stay as they are
)

# Deliveries of large fan-outs before they become rows (chunks.py): what they have in common, and to whom.
delivery_chunks = Table(
    "delivery_chunks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("duty", Text, nullable=False),
    Column("kind", Word(DeliveryKind), nullable=False),
    Column("post_id", Id),
    Column("scope_id", Id),
    Column("payload", Text),
    Column("priority", Integer, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("first_id", BigInteger, nullable=False),  # the range of the destinations' ids
    Column("last_id", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),  # how many of them are no rows yet
    Column("destination_ids", Text, nullable=False),  # "3,5,8"
)
Index("ix_delivery_chunks_priority", delivery_chunks.c.priority, delivery_chunks.c.id)


# Work that one process at a time does; `token` is of this holding.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("token", String(32), nullable=False),
    Column("until", Utc, nullable=False),
)

updates = Table(
    "updates",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seen_at", Utc, nullable=False, index=True),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("value", Text, nullable=False),
)
