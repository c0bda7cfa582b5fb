"""The operator's corrections to the series: a small TOML text and what it says.

Knows the form of the text; where the file lies and what is derived from it is for others.

    [titles]                          # the title of a post = what it shall be read as
    "一个人的数学建模：碎纸复原" = "碎纸复原（一）"
    "GPLinker：基于GlobalPointer的实体关系联合抽取" = "GPLinker"
    "《变形金刚2》：观后感" = ""          # in no series
    [series]                          # the name of a series = its other name
    "旧系列名" = "新系列名"
    "一个专栏" = ""                    # no series at all
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.titles import title_key
from bot.titles.episodes import series_key

_PLACE = re.compile(r"at line (\d+)")


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """`titles`: title key -> the title or series name to read instead; `series`: series key -> another name.

    An empty text takes the title, or all posts of the series, out of every series. `series` has no circles.
    """

    titles: Mapping[str, str] = field(default_factory=_nothing)
    series: Mapping[str, str] = field(default_factory=_nothing)

    def renamed(self, name: str) -> str:
        """The name that the series `name` shall have in the end; empty if it shall be none."""
        while (key := series_key(name)) in self.series and series_key(self.series[key]) != key:
            name = self.series[key]
        return self.series.get(series_key(name), name)


NO_OVERRIDES = Overrides()


class OverridesError(ValueError):
    """The text cannot be used; `line` counts from 1, `reason` is one English sentence without a full stop."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_overrides(text: str) -> Overrides:
    """What the operator's TOML says. Raises OverridesError at the first thing that is wrong with it."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise OverridesError(_deepest(text), "this is not TOML: it is nested too deep") from None
    except ValueError as error:  # besides its own errors, a number of thousands of digits
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
            if following == key:  # the same series, written otherwise: a wish for how it is shown
                break
            if following in seen:
                raise OverridesError(_line_of(text, series[key]), f"{series[key]!r} leads back to itself")
            seen.add(following)
            key = following


def _deepest(text: str) -> int:
    """The line with the most brackets."""
    brackets = [line.count("[") + line.count("{") for line in _lines(text)]
    return brackets.index(max(brackets)) + 1


def _line_of(text: str, name: str) -> int:
    """The first line that has `name` outside a comment; the last one where it is written with escapes."""
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        if name in line and not line.lstrip().startswith("#"):
            return number
    return len(lines)


def _lines(text: str) -> list[str]:
    """As an editor and TOML count them; Python knows further signs that end a line."""
    return text.removesuffix("\n").split("\n")
