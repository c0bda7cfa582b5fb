"""Deliveries without foreign keys; on PostgreSQL a block range index of their posts

Each of the three keys was checked for every planned row, and the destination's locked a row of it: half of
the time and a tenth of the log of an announcement. Who deletes a destination or a post deletes or moves its
deliveries.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEYS = ("destination_id", "post_id", "scope_id")


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _in_place()
        return
    for column in KEYS:
        op.drop_constraint(f"fk_deliveries_{column}", "deliveries", type_="foreignkey")
    op.drop_index("ix_deliveries_post_id", "deliveries")
    op.create_index("ix_deliveries_post_id", "deliveries", ["post_id"], postgresql_using="brin")


def _in_place() -> None:
    """Edit the text of the schema: rows are stored the same way with and without foreign keys.

    As in 0005 (sqlite.org/lang_altertable.html, 7), so that millions of rows stay where they are.
    """
    connection = op.get_bind()
    declared = connection.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'deliveries'")
    ).scalar_one()
    sql, dropped = re.subn(
        r",\s*CONSTRAINT fk_deliveries_\w+ FOREIGN KEY\s?\(\w+\) REFERENCES \w+ \(id\)(?: ON DELETE (?:CASCADE|SET NULL))?",
        "",
        declared,
    )
    assert dropped == len(KEYS), "the table deliveries is declared otherwise than expected"
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'deliveries'", (sql,)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
