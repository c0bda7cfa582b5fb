"""Generator of the tables in the documents: `python -m tests.tools.readme`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path

from bot.messages.commands import COMMANDS
from bot.settings import Settings
from tests.capacity.page import CAPACITY_TABLES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
README_ZH = ROOT / "README.zh.md"
OPERATING = ROOT / "OPERATING.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
CAPACITY = ROOT / "bot" / "ops" / "capacity.md"


def commands_table(language: str = "en") -> str:
    """Return the table of commands as Markdown."""
    head = ("Command", "What it does") if language == "en" else ("命令", "用途")
    usages = (command.usage(language).replace("|", "\\|") for command in COMMANDS)
    does = (command.description(language) for command in COMMANDS)
    rows = [head, ("---", "---"), *zip((f"`{usage}`" for usage in usages), does, strict=True)]
    return "".join(f"| {left} | {right} |\n" for left, right in rows)


def settings_table() -> str:
    """Return the table of settings as Markdown."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for setting in fields(Settings):
        default = setting.default
        shown = (
            ""
            if default is None or default == ()
            else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        lines.append(f"| `{setting.name.upper()}` | {shown} | {setting.metadata['description']} |")
    return "\n".join(lines)


Tables = Mapping[str, Callable[[], str]]
PAGES: Mapping[Path, Tables] = {
    README: {"commands": commands_table},
    README_ZH: {"commands": partial(commands_table, "zh")},
    OPERATING: {"settings": settings_table},
    CAPACITY: CAPACITY_TABLES,
}


def with_tables(page: str, tables: Tables) -> str:
    """Return `page` with each generated table between its marks."""
    for name, table in tables.items():
        marks = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        found = marks.search(page)
        if found is not None:
            table_text = f"{found[1]}\n{table().strip()}\n\n{found[2]}"
            page = page[: found.start()] + table_text + page[found.end() :]
    return page


if __name__ == "__main__":
    for path, tables in PAGES.items():
        path.write_text(with_tables(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
