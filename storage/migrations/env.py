"""Alembic's entry: steps run on the connection they are given, inside its transaction."""

from typing import Any, Literal

from alembic import context

from storage.schema import metadata


def render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write our column types as what they are in the database: a step must not change when they do."""
    if kind == "type" and type(item).__module__ == "storage.engine":
        return f"sa.{item.impl!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_item=render_item,
)
context.run_migrations()
