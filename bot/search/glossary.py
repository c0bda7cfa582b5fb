"""Glossary of English and Chinese terms: reviewed (data/glossary.tsv), and learnt from brackets.

English keys have neither case, hyphens nor plural endings. The forms of one line are equivalent.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

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


_HAN = "[\u4e00-\u9fff]"
_LATIN = "[A-Za-z0-9]+(?:[ '-][A-Za-z0-9]+){0,4}"
_BRACKET = re.compile(rf"[(（]\s?(?:({_LATIN})|({_HAN}{{2,8}}))\s?[)）]")
# Of the reversed text before a bracket.
_HAN_BEFORE = re.compile(rf"\s?[“「『\"”」』]?({_HAN}{{1,12}})")  # a term and what precedes it
_LATIN_BEFORE = re.compile(rf"\s?({_LATIN})(?! ?[A-Za-z0-9.+'-])")
_BEFORE = 64  # characters before a bracket that are read
# What precedes a term in running text; and what joins two of them, of which the brackets mean one.
_LEAD = re.compile(
    "的|是|也称为|称为|称作|叫做|叫作|也叫|也称|又称|所谓|一种|一个|这个|使用|用到|采用|利用|通过|基于|引入|介绍"
    "|提出|讨论|考虑|关于|我们|本文|就是|定义|作为|谈谈|浅谈|再谈|说说"
)
_JOINT = re.compile("[与和或及]")
_TERM_LENGTHS = range(2, 9)  # characters of a Chinese term
_PLAIN_LETTERS = 4  # of a single word that is no name
_EVIDENCE = 2  # least evidence of a pair


class Pair(NamedTuple):
    """A Chinese term, the English key and the Latin form of the one that brackets join to it.

    The evidence is 2 for several words, an acronym or a word without capitals. A single capitalised word may
    be a name, as in 模拟（Flash）: its evidence is 1, so that two posts must have it.
    """

    chinese: str
    key: str
    latin: str
    evidence: int


def bracketed(text: str) -> Iterator[tuple[str, str]]:
    """Yield the Chinese and the Latin text of 中文（English） and of English（中文） as they are written."""
    if "(" not in text and "（" not in text:
        return
    for bracket in _BRACKET.finditer(text):
        latin, chinese = bracket.groups()
        before = text[max(0, bracket.start() - _BEFORE) : bracket.start()][::-1]
        if latin and (beside := _HAN_BEFORE.match(before)):
            yield beside[1][::-1], latin
        elif chinese and (beside := _LATIN_BEFORE.match(before)):
            yield chinese, beside[1][::-1]


def plausible(written: Iterable[tuple[str, str]]) -> Iterator[Pair]:
    """Yield the pairs that are terms, and none of the glossary."""
    for before, latin in written:
        if (term := _latin_term(latin)) is None:
            continue
        chinese = normalize(_LEAD.split(before)[-1])
        listed = chinese in glossary().by_chinese
        if len(chinese) in _TERM_LENGTHS and not listed and not _JOINT.search(chinese):
            yield Pair(chinese, *term)


@lru_cache(1024)
def _latin_term(latin: str) -> tuple[str, str, int] | None:
    """Return the key, the normalized form and the evidence of a Latin term that is not in the glossary."""
    letters = sum(map(str.isalpha, latin))
    if letters < 2 or not latin[0].isalpha() or glossary().find(latin) is not None:
        return None
    plain = latin.islower() and letters >= _PLAIN_LETTERS
    sure = " " in latin or latin.isupper() or plain
    return english_key(latin), normalize(latin), _EVIDENCE if sure else 1


def learn(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return the Chinese term of each English key and the Latin one of each Chinese term.

    A term has one partner: of several, the one with the most evidence, or the common end of all of them
    (长度泛化 of 展开长度泛化).
    """
    chinese_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    latin_of: dict[str, str] = {}
    for chinese, key, latin, evidence in pairs:
        chinese_of[key][chinese] += evidence
        latin_of.setdefault(key, latin)
    keys_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, counted in chinese_of.items():
        shortest = min(counted, key=len)
        if all(chinese.endswith(shortest) for chinese in counted):
            counted = Counter({shortest: counted.total()})
        if (best := _winner(counted)) is not None and counted[best] >= _EVIDENCE:
            keys_of[best][key] = counted[best]
    learnt: dict[str, str] = {}
    for chinese, keys in keys_of.items():
        if (only := _winner(keys)) is not None:
            learnt |= {only: chinese, chinese: latin_of[only]}
    return learnt


def _winner(counted: Counter[str]) -> str | None:
    """Return what has the most evidence; None if two have."""
    (best, most), *others = counted.most_common(2)
    return None if others and others[0][1] == most else best
