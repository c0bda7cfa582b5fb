"""Tables shared by processes: leases, processed updates, key-values."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from storage.engine import Utc
from storage.schema.metadata import metadata

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
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
