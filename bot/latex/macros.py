"""Macro tables: the macros that every Telegram client draws, and the replacement of all others.

Read from data/macros.toml, which says what each table is. A macro in none of them is unknown, and its formula
is shown as source.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_DATA: Final = tomllib.loads((files("bot.latex") / "data" / "macros.toml").read_text(encoding="utf-8"))


def _pairs(table: str) -> dict[str, str]:
    words = _DATA[table].split()
    return dict(zip(words[::2], words[1::2], strict=True))


def _listed(table: str) -> frozenset[str]:
    return frozenset(_DATA[table].split())


def _by_word(table: str) -> dict[str, str]:
    """Return each word of the lists of a table with the key of its list."""
    return {word: key for key, words in _DATA[table].items() for word in words.split()}


ORDINARY: Final = _pairs("ordinary")
RELATIONS: Final = _pairs("relations")
OPERATIONS: Final = _pairs("operations")
BIG_OPERATORS: Final = _pairs("big_operators")
FUNCTIONS: Final[Mapping[str, str]] = {
    **{name: name for name in _DATA["functions"].split()},
    **_DATA["function_names"],
}
SPACES: Final[Mapping[str, str]] = _DATA["spaces"]
SIZES: Final = _listed("sizes")
SILENT: Final = SIZES | _listed("silent")
SIMPLE: Final = {**ORDINARY, **RELATIONS, **OPERATIONS, **BIG_OPERATORS, **FUNCTIONS, **SPACES}
NEGATABLE: Final = frozenset((*RELATIONS, *ORDINARY, *OPERATIONS))
# Operators after which every engine takes \limits; other nodes become one in \mathop.
TAKES_LIMITS: Final = frozenset((*BIG_OPERATORS, *FUNCTIONS, "mathop"))

ACCENTS: Final[dict[str, str]] = _DATA["accents"]
CHARACTERS: Final[Mapping[str, str]] = _DATA["characters"]
ALPHABETS: Final = _listed("alphabets")
ALPHABET_STYLES: Final[Mapping[str, str]] = _DATA["alphabet_styles"]
CLASSES: Final = _listed("classes")
# Argument counts; the macros of OPTIONAL take one more argument in square brackets.
ARGUMENTS: Final = {
    **dict.fromkeys((*ACCENTS, *ALPHABETS, *CLASSES), 1),
    **{name: int(count) for name, count in _by_word("arguments").items()},
}
OPTIONAL: Final = frozenset(("sqrt", "xrightarrow", "xleftarrow"))
# Text macros, and the text macro written for each.
WORDS: Final = {
    **{name: name for name in _DATA["text_macros"].split()},
    **dict.fromkeys(_DATA["plain_text_macros"].split(), "text"),
}

ESCAPES: Final[Mapping[str, str]] = _DATA["escapes"]

ALIASES: Final = _pairs("aliases")
EXPANSIONS: Final = {
    **_pairs("expansions"),
    **{letter: rf"\mathbb{{{letter}}}" for letter in "RNZQC"},
    **{name: rf"\operatorname*{{{name}}}" for name in _DATA["limited_operators"].split()},
    **{name: rf"\operatorname{{{name}}}" for name in _DATA["named_operators"].split()},
}
STRETCHED: Final = _pairs("stretched")
# Delimiters around an argument; those of a capital name have its height.
BRACKETED: Final = {
    **dict.fromkeys(("bra", "Bra"), (r"\langle", "|")),
    **dict.fromkeys(("ket", "Ket"), ("|", r"\rangle")),
    **dict.fromkeys(("braket", "Braket"), (r"\langle", r"\rangle")),
}
FENCES: Final = {"norm": r"\Vert", "abs": "|"}

DROPPED: Final = _listed("dropped")
DROPPED_WITH: Final = _listed("dropped_with")
WRAPPERS: Final = {name: int(count) for name, count in _by_word("wrappers").items()}
OPTION_DROPPED: Final = _listed("option_dropped")
SWITCHES: Final = _pairs("switches")
NEGATIONS: Final = _pairs("negations")

ENVIRONMENTS: Final = _by_word("environments")
POSITIONED: Final = _listed("positioned")
TEXT_ENVIRONMENTS: Final = _listed("text_environments")
SMALL_FENCES: Final[Mapping[str, tuple[str, str]]] = _DATA["small_fences"]
DELIMITER_PAIRS: Final = _pairs("delimiter_pairs")
DELIMITER_SIGNS: Final = frozenset("()[]|./<>")
DELIMITERS: Final = _listed("delimiters")
