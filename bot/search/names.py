"""Name lookup for series, tags, categories and subscriptions, tolerant of how names are typed.

Whole names before parts of names; literal forms before equivalents of the glossary, before pinyin; corrected
spelling last, with a cut-off. Names are pairs of key and text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.search.fuzzy_terms import spelled
from bot.search.glossary import equivalents
from bot.search.normalize import normalize

MOST_CHOICES = 8  # rows of a keyboard that a reader scans at a glance
NEAREST = 3
_SIMILAR = 60.0  # percent; less similar names are no suggestion
# Characters of a part of a name, and its least similarity; letters are more often alike by chance.
_SHORTEST_PART, _SIMILAR_PART = 4, 70.0
_SHORTEST_LATIN, _SIMILAR_LATIN = 5, 85.0
_SHORTEST_PINYIN = 3  # letters

Name = tuple[str, str]  # key and shown name; one key may have several names (aliases)


@dataclass(frozen=True, slots=True)
class Exact:
    """The only name that fits."""

    name: Name


@dataclass(frozen=True, slots=True)
class Several:
    """Several names that fit, the likeliest first, at most `MOST_CHOICES` of `total`."""

    choices: tuple[Name, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """The most similar names where none fits, best first; empty if none is similar enough."""

    choices: tuple[Name, ...]


Found = Exact | Several | Nearest


def find(query: str, names: Iterable[Name]) -> Found:
    candidates = [(name, frozenset((fold(name[0]), fold(name[1])))) for name in names]
    if not fold(query):
        return Nearest(())
    for spelling in (query, *equivalents(query)):
        if found := _literal(spelling, candidates):
            return found
    if found := _by_pinyin(fold(query), [name for name, _ in candidates]):
        return found
    return Nearest(_most_similar(fold(query), [name for name, _ in candidates]))


def fold(name: str) -> str:
    """Return the compared form of a name: normalized letters and digits, or all signs without any."""
    plain = "".join(normalize(sign) for sign in name)
    folded = "".join(sign for sign in plain if sign.isalnum()) or "".join(plain.split())
    # Folding the case, or closing a gap, can leave a rare sign to be folded again.
    return folded if folded == name else fold(folded)


def _literal(query: str, candidates: Sequence[tuple[Name, frozenset[str]]]) -> Found | None:
    wanted = fold(query)
    exact = _distinct(name for name, forms in candidates if wanted in forms)
    if exact:
        return _one_of(exact)
    words = [folded for word in query.split() if (folded := fold(word))]
    parts = [
        (name, forms)
        for name, forms in candidates
        if any(wanted in form or all(word in form for word in words) for form in forms)
    ]
    if not wanted or not parts:
        return None
    parts.sort(key=lambda part: _closeness(wanted, *part))
    return _one_of(_distinct(name for name, _ in parts))


def _by_pinyin(letters: str, names: Sequence[Name]) -> Found | None:
    """Return the names that `letters` spells, all of a name before a part, syllables before initials."""
    if not letters.isascii() or not letters.isalpha() or len(letters) < _SHORTEST_PINYIN:
        return None
    for initials in (False, True):
        folded = [(name, fold(name[1])) for name in names]
        spans = [(name, shown, spelled(letters, shown, initials=initials)) for name, shown in folded]
        whole = _distinct(name for name, shown, span in spans if span == (0, len(shown)))
        if found := whole or _distinct(name for name, _, span in spans if span is not None):
            return _one_of(sorted(found, key=lambda name: len(name[1])))
    return None


def _closeness(wanted: str, name: Name, forms: frozenset[str]) -> tuple[bool, bool, int]:
    """Return the sort key: names that begin so, those that show it and not only by their key, short ones."""
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
    scores = [(_similarity(wanted, fold(name)), place) for place, (_, name) in enumerate(names)]
    ranked = sorted((-score, place) for score, place in scores if score >= _SIMILAR)
    return tuple(_distinct(names[place] for _, place in ranked)[:NEAREST])


def _similarity(wanted: str, name: str) -> float:
    """Return the edit similarity with the name, or with a part of it unless either is short, in percent."""
    from rapidfuzz import fuzz  # 3 MB, and most names are typed without a mistake

    whole = fuzz.ratio(wanted, name)
    latin = wanted.isascii()
    if min(len(wanted), len(name)) < (_SHORTEST_LATIN if latin else _SHORTEST_PART):
        return whole
    part = fuzz.partial_ratio(wanted, name)
    return max(whole, part if part >= (_SIMILAR_LATIN if latin else _SIMILAR_PART) else 0.0)
