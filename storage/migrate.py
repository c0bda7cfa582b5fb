"""Schema migration by the steps in `migrations`; a newer schema is refused."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).with_name("migrations")


class NewerSchemaError(Exception):
    """The database was written by a newer version of the program."""


def bring_up_to_date(connection: Connection) -> tuple[str | None, str]:
    """Apply the missing steps within the connection's transaction; returns the schema before and after.

    Raises NewerSchemaError.
    """
    current, today = schema_of(connection), newest()
    if current == today:
        return current, today
    from storage.migration_steps import (
        UnknownSchemaError,
        take_steps,  # a start without steps is quicker without
    )

    try:
        take_steps(connection, MIGRATIONS, current)
    except UnknownSchemaError as error:
        raise NewerSchemaError(
            f"the database has schema {current}, which this version does not know: "
            "run the version that wrote it, or put a backup of an older one in its place"
        ) from error
    return current, today


def newest() -> str:
    """Return the revision of the newest migration, by which its file name begins."""
    return max(step.name.partition("_")[0] for step in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def schema_of(connection: Connection) -> str | None:
    """Return the revision of the database's schema; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
