"""Ids that are never given twice; what the evidence for a date is; notes and known times in the ledger"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERED = ("destinations", "dumps", "phrases", "scopes", "posts", "deliveries")


def upgrade() -> None:
    op.add_column("dumps", sa.Column("notes", sa.Text(), nullable=True))
    op.add_column("dumps", sa.Column("time_known", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE dumps SET time_known = true WHERE origin <> 'folder'")
    op.add_column("posts", sa.Column("title_layout", sa.String(length=16), nullable=True))
    op.add_column("posts", sa.Column("excerpt_layout", sa.String(length=16), nullable=True))
    op.add_column("posts", sa.Column("date_at", sa.BigInteger(), nullable=True))
    op.add_column("posts", sa.Column("month_day_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "posts", sa.Column("excerpt_partial", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    if op.get_context().dialect.name == "sqlite":
        _autoincrement()


def _autoincrement() -> None:
    """Declare the id columns AUTOINCREMENT in place.

    A rebuilt table would have to be dropped, which deletes the rows of others that refer to it while foreign
    keys are enforced, and they cannot be switched off inside a transaction. The rows are stored the same way
    with and without AUTOINCREMENT, so the text of the schema is edited (sqlite.org/lang_altertable.html, 7).
    """
    connection = op.get_bind()
    # SQLite creates its table sqlite_sequence with the first table of this kind.
    connection.exec_driver_sql("CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    connection.exec_driver_sql("DROP TABLE numbered")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table in NUMBERED:
        found = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
        )
        connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
            (_declared(found.scalar_one(), table), table),
        )
        numbered = sa.table(table, sa.column("id"))
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(numbered.c.id), 0))).scalar_one()
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _declared(sql: str, table: str) -> str:
    sql, constraints = re.subn(rf",\s*CONSTRAINT pk_{table} PRIMARY KEY \(id\)", "", sql)
    sql, columns = re.subn(r"\bid INTEGER NOT NULL\b", r"\g<0> PRIMARY KEY AUTOINCREMENT", sql, count=1)
    assert (constraints, columns) == (1, 1), f"the table {table} is declared otherwise than expected"
    return sql
