"""Tables of the outbox: deliveries, waiting posts, plans, rate limits."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.engine import Utc, Word
from storage.model import DeliveryKind, Form, State
from storage.schema.metadata import Id, metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("destination_id", Id, ForeignKey("destinations.id", ondelete="CASCADE"), nullable=False),
    # What the row is for, in words unique within a destination: "post:12", "digest:dump:7", "edit:12:3".
    Column("duty", Text, nullable=False),
    Column("kind", Word(DeliveryKind), nullable=False),
    Column("post_id", Id, ForeignKey("posts.id", ondelete="CASCADE"), index=True),
    Column("scope_id", Id, ForeignKey("scopes.id", ondelete="SET NULL")),
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


def _index(name: str, states: str, *columns: Column[Any]) -> None:
    """Add a partial index; it serves a query only if the query repeats `states` literally (outbox_sql.py)."""
    Index(f"ix_deliveries_{name}", *columns, sqlite_where=text(states), postgresql_where=text(states))


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
    Column("kind", Word(DeliveryKind), nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("dump_id", Id),
    Column("payload", Text, nullable=False),  # of a broadcast its text, of an announcement its posts: "3,5"
    Column("state", Word(State), nullable=False),
    Column("digest_above", Integer, nullable=False, server_default=text("0")),
    Column("after_id", BigInteger, nullable=False),  # the cursor: destinations up to it are planned
    Column("created_at", Utc, nullable=False),
)
