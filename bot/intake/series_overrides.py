"""Series overrides: the operator's corrections, parsed from TOML.

[titles]                          # title of a post = the title to read in its place
"一个人的数学建模：碎纸复原" = "碎纸复原（一）"
"GPLinker：基于GlobalPointer的实体关系联合抽取" = "GPLinker"
"《变形金刚2》：观后感" = ""          # in no series
[series]                          # name of a series = its other name
"旧系列名" = "新系列名"
"一个专栏" = ""                    # not a series
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.titles import series_key, title_key

_PLACE = re.compile(r"at line (\d+)")


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Parsed overrides: `titles` maps title key → title or series name, `series` maps series key → name.

    An empty text removes the title, or all posts of the series, from every series. `series` has no cycles.
    """

    titles: Mapping[str, str] = field(default_factory=_nothing)
    series: Mapping[str, str] = field(default_factory=_nothing)

    def renamed(self, name: str) -> str:
        """Return the final name of the series `name`; empty if it is no series."""
        while (key := series_key(name)) in self.series and series_key(self.series[key]) != key:
            name = self.series[key]
        return self.series.get(series_key(name), name)


NO_OVERRIDES = Overrides()


class OverridesError(ValueError):
    """Raised for invalid overrides; `line` counts from 1, `reason` is one sentence without a full stop."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_overrides(text: str) -> Overrides:
    """Parse the operator's TOML. Raises OverridesError for the first error."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise OverridesError(_deepest(text), "this is not TOML: it is nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, or ValueError for a number of thousands of digits
        place = _PLACE.search(str(error))
        line = int(place[1]) if place is not None else len(_lines(text))
        raise OverridesError(line, f"this is not TOML: {str(error).partition(' (at ')[0]}") from error
    for name in document:
        if name not in ("titles", "series"):
            raise OverridesError(
                _line_of(text, name), f"there is no section {name!r}; use [titles] and [series]"
            )
    overrides = Overrides(
        titles=_section(text, document, "titles", title_key),
        series=_section(text, document, "series", series_key),
    )
    _refuse_circles(text, overrides.series)
    return overrides


def _section(
    text: str, document: Mapping[str, object], section: str, key_of: Callable[[str], str]
) -> Mapping[str, str]:
    entries = document.get(section, {})
    if not isinstance(entries, dict):
        raise OverridesError(_line_of(text, section), f"{section} must be a section, [{section}]")
    known: dict[str, str] = {}
    for name, other in entries.items():
        line = _line_of(text, name)
        if not isinstance(other, str):
            raise OverridesError(line, f"{name!r} must be followed by a text in quotation marks")
        key = key_of(name)
        if not key:
            raise OverridesError(line, f"{name!r} has no letter in it")
        if key in known:
            raise OverridesError(line, f"{name!r} is the same as a line above")
        if other and not series_key(other):
            raise OverridesError(line, f"{other!r} has no letter in it")
        known[key] = other
    return MappingProxyType(known)


def _refuse_circles(text: str, series: Mapping[str, str]) -> None:
    for start in series:
        key, seen = start, {start}
        while key in series:
            following = series_key(series[key])
            if following == key:  # the same series in another spelling: only its displayed name changes
                break
            if following in seen:
                raise OverridesError(_line_of(text, series[key]), f"{series[key]!r} leads back to itself")
            seen.add(following)
            key = following


def _deepest(text: str) -> int:
    """Return the line with the most brackets."""
    brackets = [line.count("[") + line.count("{") for line in _lines(text)]
    return brackets.index(max(brackets)) + 1


def _line_of(text: str, name: str) -> int:
    """Return the first line with `name` outside a comment; the last line if `name` has escapes."""
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        if name in line and not line.lstrip().startswith("#"):
            return number
    return len(lines)


def _lines(text: str) -> list[str]:
    """Split at U+000A only, as TOML and editors do; `str.splitlines` splits at further characters."""
    return text.removesuffix("\n").split("\n")
