"""Writes the README's generated tables; `python -m tests.readme` after a command or a setting has changed."""

import re
from pathlib import Path

from bot.messages.commands import markdown_table
from bot.settings import settings_table

README = Path(__file__).parents[1] / "README.md"

TABLES = {"commands": markdown_table, "settings": settings_table}


def with_tables(readme: str) -> str:
    """`readme` with each generated table between its marks."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        found = marks.search(readme)
        if found is not None:
            table_text = f"{found[1]}\n{table().strip()}\n\n{found[2]}"
            readme = readme[: found.start()] + table_text + readme[found.end() :]
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
