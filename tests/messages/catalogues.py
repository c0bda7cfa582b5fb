"""The message ids in the code, read from its syntax tree: `words.say("…")` and `words.count("…", n)`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BOT = Path(__file__).parents[2] / "bot"


@dataclass(frozen=True, slots=True)
class Use:
    """One place that says something; `msgid` is None where it is not a literal."""

    place: str
    msgid: str | None
    counted: bool
    values: frozenset[str]


def uses() -> tuple[Use, ...]:
    """Every use in the program."""
    return tuple(use for path in sorted(BOT.rglob("*.py")) for use in _uses(path))


def _uses(path: Path) -> Iterator[Use]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in ("text", "count") or not _is_words(node.func.value):
            continue
        first = node.args[0]
        literal = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        counted = node.func.attr == "count"
        values = {keyword.arg for keyword in node.keywords if keyword.arg} | ({"n"} if counted else set())
        place = f"{path.relative_to(BOT.parent)}:{node.lineno}"
        yield Use(place, literal, counted, frozenset(values))


def _is_words(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name == "words" or name.endswith("_words")
