"""Migration steps by Alembic, imported only if there are steps to apply."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection


class UnknownSchemaError(Exception):
    """No step of this version leads to or from this schema."""


def take_steps(connection: Connection, migrations: Path, current: str | None, to: str = "head") -> None:
    """Apply the missing steps, up to `to`, within the connection's transaction. Raises UnknownSchemaError."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    if current is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(current)
        except CommandError as error:
            raise UnknownSchemaError from error
    config.attributes["connection"] = connection
    command.upgrade(config, to)
