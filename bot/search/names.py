"""Forgiving names: what somebody typed after /series, /tag or /category, and what they may have meant.

Knows no storage and no words of the bot: names come in as pairs of key and name, answers go out the same way.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

MOST_CHOICES = 8  # as many as a keyboard can hold and a reader can scan
NEAREST = 3

Name = tuple[str, str]  # key, name as shown; one key may stand under several names (aliases)


@dataclass(frozen=True, slots=True)
class Exact:
    """There is only one that can be meant."""

    name: Name


@dataclass(frozen=True, slots=True)
class Several:
    """More than one fits: the likeliest first, at most `MOST_CHOICES` of `total`."""

    choices: tuple[Name, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """None fits; the most similar, best first. Empty where there is nothing to compare."""

    choices: tuple[Name, ...]


Found = Exact | Several | Nearest


def find(query: str, names: Iterable[Name]) -> Found:
    """Find what `query` names: whole names before parts of names, without regard to case, width or signs."""
    candidates = [(name, frozenset((fold(name[0]), fold(name[1])))) for name in names]
    wanted = fold(query)
    if not wanted:
        return Nearest(())
    exact = _distinct(name for name, forms in candidates if wanted in forms)
    if exact:
        return _one_of(exact)
    words = [folded for word in query.split() if (folded := fold(word))]
    parts = [
        (name, forms)
        for name, forms in candidates
        if any(wanted in form or all(word in form for word in words) for form in forms)
    ]
    if parts:
        parts.sort(key=lambda part: _closeness(wanted, *part))
        return _one_of(_distinct(name for name, _ in parts))
    return Nearest(_most_similar(wanted, [name for name, _ in candidates]))


def fold(name: str) -> str:
    """The form in which names are compared: no case, width, blanks; no signs unless there is nothing else."""
    plain = "".join(unicodedata.normalize("NFKC", name).casefold().split())
    folded = "".join(sign for sign in plain if sign.isalnum()) or plain
    # Folding the case, or closing a gap, can leave a rare sign to be folded again.
    return folded if folded == name else fold(folded)


def _closeness(wanted: str, name: Name, forms: frozenset[str]) -> tuple[bool, bool, int]:
    """Names that begin so go first, then those that show it and not only by their key, then short ones."""
    begins = any(form.startswith(wanted) for form in forms)
    return not begins, wanted not in fold(name[1]), len(name[1])


def _one_of(choices: Sequence[Name]) -> Found:
    if len(choices) == 1:
        return Exact(choices[0])
    return Several(tuple(choices[:MOST_CHOICES]), len(choices))


def _distinct(names: Iterable[Name]) -> list[Name]:
    first: dict[str, Name] = {}
    for name in names:
        first.setdefault(name[0], name)
    return list(first.values())


def _most_similar(wanted: str, names: Sequence[Name]) -> tuple[Name, ...]:
    ranked = process.extract(wanted, [fold(name) for _, name in names], scorer=fuzz.WRatio, limit=None)
    return tuple(_distinct(names[index] for _, _, index in ranked)[:NEAREST])
