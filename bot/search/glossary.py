"""Glossary of English and Chinese terms (data/glossary.tsv).

English keys have neither case, hyphens nor plural endings. The forms of one line are equivalent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from bot.search.normalize import is_han, normalize

LONGEST_PHRASE = 6  # words of the longest English form
_SEPARATORS = re.compile(r"[\s\-_']+")
_SUFFIXES = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("s", ""))
_ENDINGS = (("", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("ion", "e"), ("er", "e"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the glossary, all forms normalized."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glossary:
    """The entries by English key and by Chinese form."""

    by_english: dict[str, Entry] = field(default_factory=dict)
    by_chinese: dict[str, Entry] = field(default_factory=dict)
    words: frozenset[str] = frozenset()  # of all English keys

    def find(self, term: str) -> Entry | None:
        """Return the entry of a Chinese form, or of an English one whatever its inflection."""
        if any(map(is_han, term)):
            return self.by_chinese.get(normalize(term))
        key = english_key(term)
        stem, _, last = key.rpartition(" ")
        for ending, other in _ENDINGS:
            if (last.endswith(ending) and len(last) - len(ending) > 3) or not ending:
                bare = f"{last.removesuffix(ending)}{other}"
                if entry := self.by_english.get(f"{stem} {bare}".strip()):
                    return entry
        return None


@cache
def glossary() -> Glossary:
    """Return the glossary of the package."""
    by_english: dict[str, Entry] = {}
    by_chinese: dict[str, Entry] = {}
    for entry in _entries():
        for form in entry.english:
            by_english.setdefault(english_key(form), entry)
        for form in entry.chinese:
            by_chinese.setdefault(form, entry)
    for word, entry in _remainders(by_english):
        by_english.setdefault(word, entry)
    words = frozenset(word for key in by_english for word in key.split())
    return Glossary(by_english, by_chinese, words)


def english_key(term: str) -> str:
    """Return `term` without case, hyphens and plural endings, its words separated by single blanks."""
    return " ".join(_singular(word) for word in _SEPARATORS.split(term.casefold()) if word)


def equivalents(term: str) -> tuple[str, ...]:
    """Return the other forms of the entry of `term`, those of the other language first."""
    entry = glossary().find(term)
    if entry is None:
        return ()
    chinese_first = (*entry.chinese, *entry.english)
    forms = (*entry.english, *entry.chinese) if any(map(is_han, term)) else chinese_first
    return tuple(form for form in forms if form != term)


def _remainders(by_english: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """Yield the second words of phrases: "penalty" is 惩罚, since "gradient penalty" is 梯度惩罚."""
    for key, entry in tuple(by_english.items()):
        first, _, last = key.partition(" ")
        known = by_english.get(first)
        if last and " " not in last and known is not None:
            for form in known.chinese:
                rest = entry.chinese[0].removeprefix(form)
                if 2 <= len(rest) < len(entry.chinese[0]) and all(map(is_han, rest)):
                    yield last, Entry((last,), (rest,))


def _singular(word: str) -> str:
    if len(word) > 3 and not word.endswith(("ss", "us", "is", "ics")):
        for ending, other in _SUFFIXES:
            if word.endswith(ending):
                return word.removesuffix(ending) + other
    return word


def _entries() -> Iterator[Entry]:
    text = (files("bot.search") / "data" / "glossary.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            english, chinese, _ = line.split("\t")
            yield Entry(tuple(english.split("|")), tuple(map(normalize, chinese.split("|"))))
