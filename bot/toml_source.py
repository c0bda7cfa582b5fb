"""TOML text with line numbers for error messages."""

import re
import tomllib
from typing import Any

_PLACE = re.compile(r"at line (\d+)")


class TomlError(ValueError):
    """The text cannot be used; `line` counts from 1, `reason` is one English sentence without a full stop."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def parse_toml(text: str) -> dict[str, Any]:
    """Return the document of `text`. Raises TomlError with the line of the first syntax error."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlError(_deepest(text), "this is not TOML: it is nested too deep") from None
    except ValueError as error:  # also raised for a number of thousands of digits
        place = _PLACE.search(str(error))
        line = int(place[1]) if place is not None else len(_lines(text))
        raise TomlError(line, f"this is not TOML: {str(error).partition(' (at ')[0]}") from error


def line_of(text: str, name: str) -> int:
    """Return the first line with `name` outside a comment, or the last line if `name` is escaped there."""
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        if name in line and not line.lstrip().startswith("#"):
            return number
    return len(lines)


def _deepest(text: str) -> int:
    """Return the line with the most opening brackets."""
    brackets = [line.count("[") + line.count("{") for line in _lines(text)]
    return brackets.index(max(brackets)) + 1


def _lines(text: str) -> list[str]:
    """Split at LF only, as TOML and editors count lines; `str.splitlines` splits at more characters."""
    return text.removesuffix("\n").split("\n")
