"""Schema migration by the Alembic steps in `migrations`; a newer schema is refused."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).with_name("migrations")
UNFINISHED = "copying"  # the schema of a database into which a copy was not finished (storage/copy.py)


class NewerSchemaError(Exception):
    """The database was written by a newer version of the program."""


def bring_up_to_date(connection: Connection) -> tuple[str | None, str]:
    """Apply the missing steps within the connection's transaction; returns the schema before and after.

    Raises NewerSchemaError.
    """
    current, today = schema_of(connection), newest()
    if current == today:
        return current, today
    if current == UNFINISHED:
        raise NewerSchemaError("the database holds an unfinished copy: repeat `kexue-bot copy`")
    take_steps(connection, current)
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


def set_schema(connection: Connection, revision: str) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def take_steps(connection: Connection, current: str | None, to: str = "head") -> None:
    """Apply the steps up to `to` within the connection's transaction. Raises NewerSchemaError."""
    # Imported on use: a start without steps is quicker without.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if current is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(current)
        except CommandError as error:
            raise NewerSchemaError(
                f"the database has schema {current}, which this version does not know: "
                "run the version that wrote it, or put a backup of an older one in its place"
            ) from error
    config.attributes["connection"] = connection
    command.upgrade(config, to)
