"""Brings a database's schema to today's by the steps in `migrations`. Refuses a schema newer than itself."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


class NewerSchemaError(Exception):
    """The database was written by a newer version of the program."""


def bring_up_to_date(connection: Connection) -> None:
    """Apply the missing steps within the connection's transaction. Raises NewerSchemaError."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None:
        try:
            scripts.get_revision(current)
        except CommandError as error:
            raise NewerSchemaError(
                f"the database has schema {current}, which this version does not know: "
                "run the version that wrote it, or put a backup of an older one in its place"
            ) from error
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
