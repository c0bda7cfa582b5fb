"""Terms of a query: what a post may hold, with equivalent forms, parts and a weight.

Chinese is segmented by longest match over the glossary and the stop words, the rest scored by character
pairs; English phrases are looked up in the glossary; unknown words are read as pinyin or corrected.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from operator import ne

from bot.search.fuzzy_terms import corrected, nearest_words, words_of_initials, words_of_pinyin
from bot.search.glossary import LONGEST_PHRASE, english_key, equivalents, glossary
from bot.search.index import Index
from bot.search.normalize import normalize

_UNIT = re.compile(r"[a-z0-9]+(?:[-.'+][a-z0-9]+)*|[\u4e00-\u9fff]+|[^\sa-z0-9\u4e00-\u9fff]+")
_FORMULA = re.compile(r"[\\^$]|(?<![A-Za-z])[A-Za-z]_|[A-Za-z0-9Α-ω]\(|\)[=+]")  # batch_size is none
_ATOM = re.compile(r"[^\W\d_]\([^()]*\)|[^\s()\[\]{},;:=+*/|<>\-]+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")

_TRANSLATED, _LEARNT, _TYPO, _SPELLED, _INITIALS = 0.95, 0.8, 0.85, 0.95, 0.7
_MOST_FORMS = 8
_FOREIGN = 0.2  # size of a pair of characters that occurs nowhere
_LONGEST_WORD = 10  # characters of the longest Chinese form that is looked up


@dataclass(frozen=True, slots=True)
class Form:
    """A literal text that a post may hold, and how surely it means the term: 0 to 1."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Equivalent forms; `parts` are what forms consist of, each with its own forms; `size` is in words."""

    forms: tuple[Form, ...]
    parts: tuple[tuple[Form, ...], ...] = ()
    size: float = 1.0

    def is_in(self, holds: Callable[[str], bool]) -> bool:
        """Return whether a post of which `holds` says what is in it has a form, or all the parts.

        A pair of Chinese characters may be missing between two that are there: they cover its characters.
        """
        if any(holds(form.text) for form in self.forms):
            return True
        held = [any(holds(form.text) for form in part) for part in self.parts]
        return any(held) and all(
            one or (_HAN.match(part[0].text) and 0 < i < len(held) - 1 and held[i - 1] and held[i + 1])
            for i, (one, part) in enumerate(zip(held, self.parts, strict=True))
        )


def terms_of(text: str, index: Index, *, correct: bool = False) -> tuple[Term, ...]:
    """Return the terms of a query without its filters, misspelt Chinese corrected if `correct`."""
    found: list[Term] = []
    latin: list[str] = []
    for kind, unit in _units(text):
        if kind == "latin":
            latin.append(unit)
            continue
        found += _latin_terms(latin, index)
        latin = []
        match kind:
            case "han":
                found += _han_terms(unit, index, correct=correct)
            case "formula":
                found += _formula_terms(unit)
            case _:
                found += [Term(forms=(Form(unit),), size=0.5)] if _is_symbol(unit) else []
    found += _latin_terms(latin, index)
    if not found:  # nothing but stop words
        found = [Term(forms=(Form(unit),), size=0.3) for kind, unit in _units(text) if kind == "han"]
    if all(len(form.text) == 1 or form.text.isdecimal() for term in found for form in term.forms):
        return ()  # single characters and numbers select nothing that is not literal
    return tuple({term.forms: term for term in found}.values())


@cache
def stop_words() -> frozenset[str]:
    """Return the words that say how something is asked, not what about."""
    text = (files("bot.search") / "data" / "stop_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if line[:1] != "#" for word in line.split())


def is_empty(text: str, index: Index) -> bool:
    """Return whether `text` has nothing but stop words and signs."""
    return not any(
        any(_segments(unit, index)) if kind == "han" else _is_symbol(unit) and unit not in stop_words()
        for kind, unit in _units(text)
    )


def _units(text: str) -> Iterator[tuple[str, str]]:
    if _FORMULA.search(text) and not _HAN.search(normalize(text)):
        if whole := "".join(normalize(text).split()):
            yield "formula", whole
        return
    for word in text.split():
        folded = normalize(word)
        if folded and _FORMULA.search(word) and not _HAN.search(folded):
            yield "formula", folded
            continue
        for unit in _UNIT.findall(folded):
            latin = unit[0].isascii() and unit[0].isalnum()
            yield "han" if _HAN.match(unit) else "latin" if latin else "other", unit


def _is_symbol(unit: str) -> bool:
    return any(sign.isalpha() for sign in unit)


def _formula_terms(folded: str) -> list[Term]:
    """Return a term for the whole formula and one for each of its tokens of several characters."""
    atoms = [atom for atom in dict.fromkeys(_ATOM.findall(folded)) if len(atom) > 1 or not atom.isalnum()]
    smaller = [Term(forms=_spelt(atom), size=min(1.0, 0.25 * len(atom))) for atom in atoms if atom != folded]
    return [Term(forms=_spelt(folded), size=1.5), *smaller]


def _spelt(formula: str) -> tuple[Form, ...]:
    """Return a formula as TeX writes it and as Unicode subscripts and exponents normalize to."""
    plain = formula.replace("_", "").replace("^", "")
    return (Form(formula), Form(plain, _TRANSLATED)) if 1 < len(plain) < len(formula) else (Form(formula),)


def _latin_terms(typed: Sequence[str], index: Index) -> list[Term]:
    respelt = [_respelt(word, index) for word in typed]
    # Next to a word without any meaning, others are neither misspelt nor initials.
    initials = sum(map(ne, typed, respelt)) <= 1
    words = list(typed) if None in respelt else [word or "" for word in respelt]
    found: list[Term] = []
    place = 0
    while place < len(words):
        for end in range(min(len(words), place + LONGEST_PHRASE), place, -1):
            factor = 1.0 if words[place:end] == list(typed[place:end]) else _TYPO
            if (term := _phrase(" ".join(words[place:end]), index, factor)) is not None:
                found.append(term)
                place = end
                break
        else:
            end, terms = _unlisted(words, place, index, initials=initials)
            found += terms
            place = end
    return found


def _respelt(word: str, index: Index) -> str | None:
    """Return `word`, or the nearest known word if it is neither known nor pinyin; None without any."""
    if word in stop_words() or glossary().find(word) or index.has_word(word) or word.isdecimal():
        return word
    if words_of_pinyin(word, index.occurs):
        return word
    listed = glossary().words
    nearest = nearest_words(word, index.vocabulary | listed)
    return min(nearest, key=lambda other: other not in listed, default=None)


def _phrase(phrase: str, index: Index, factor: float) -> Term | None:
    """Return the term of an English form of the glossary, or of one that the posts teach."""
    if english_key(phrase) in stop_words() or not (others := _translations(phrase, index, factor)):
        return None
    words = [word for word in english_key(phrase).split() if word not in stop_words()]
    forms = (Form(phrase, factor), *others)
    parts = tuple(map(_with_equivalents, words)) if len(words) > 1 else _pair_parts(others[0].text)
    return Term(forms=forms[:_MOST_FORMS], parts=parts, size=1.0 + 0.5 * (len(words) - 1))


def _translations(term: str, index: Index, factor: float = 1.0) -> tuple[Form, ...]:
    """Return the other forms of a term: those of the glossary, or else the one that the posts teach."""
    if others := equivalents(term):
        return tuple(Form(other, _TRANSLATED * factor) for other in others)
    partner = index.partner(term if _HAN.fullmatch(term) else english_key(term))
    return () if partner is None else (Form(partner, _LEARNT * factor),)


def _unlisted(words: Sequence[str], place: int, index: Index, *, initials: bool) -> tuple[int, list[Term]]:
    """Return the terms of words outside the glossary, and the place of the next word."""
    word = words[place]
    if word in stop_words():
        return place + 1, []
    pieces = re.split(r"[-.'+]", word)
    if index.has_word(word) or word.isdecimal() or len(word) == 1:
        return place + 1, [_word_term(word, pieces)]
    for end in range(len(words), place, -1):
        if spelled := words_of_pinyin("".join(words[place:end]), index.occurs):
            return end, [_alternatives(each, _SPELLED) for each in spelled]
    if initials and (initialled := words_of_initials(word, index.occurs)):
        return place + 1, [_alternatives(initialled, _INITIALS)]
    if len(pieces) > 1:
        return place + 1, [_word_term(word, pieces)]
    return place + 1, [Term(forms=(Form(word),))]


def _word_term(word: str, pieces: Sequence[str]) -> Term:
    parts = tuple(map(_with_equivalents, pieces)) if len(pieces) > 1 else ()
    return Term(forms=(Form(word),), parts=parts, size=0.5 if word.isdecimal() else 1.0)


def _with_equivalents(word: str) -> tuple[Form, ...]:
    return (Form(word), *(Form(other, _TRANSLATED) for other in equivalents(word)))


def _alternatives(words: Sequence[str], weight: float) -> Term:
    """Return one term that any of the Chinese `words` satisfies, with their English forms."""
    forms = [Form(word, weight) for word in words]
    forms += [Form(other, weight * _TRANSLATED) for word in words[:3] for other in equivalents(word)]
    parts = _pair_parts(words[0], weight)
    return Term(forms=tuple(forms[:_MOST_FORMS]), parts=parts, size=_han_size(words[0]))


def _han_terms(text: str, index: Index, *, correct: bool) -> list[Term]:
    weight = 1.0
    if correct:
        unlisted = {
            place
            for start, piece, listed in _segments(text, index)
            if not listed
            for place in range(start, start + len(piece))
        }
        fixed = corrected(text, set(range(len(text))) - unlisted, index.occurs)
        text, weight = fixed, 1.0 if fixed == text else _TYPO
    found: list[Term] = []
    for _, piece, is_listed in _segments(text, index):
        others = _translations(piece, index, weight) if is_listed else ()
        if len(piece) == 1 and not is_listed:
            found.append(Term(forms=(Form(piece, weight),), size=0.3))
            continue
        forms = (Form(piece, weight), *others)
        parts = _pair_parts(piece, weight)
        size = _han_size(piece) if is_listed else _unlisted_size(piece, index)
        found.append(Term(forms=forms[:_MOST_FORMS], parts=parts, size=size))
    return found


def _unlisted_size(piece: str, index: Index) -> float:
    """Return the size of a piece that is not listed: pairs that occur nowhere join two words."""
    if index.occurs(piece):
        return _han_size(piece)
    return min(2.5, sum(0.5 if index.occurs(pair) else _FOREIGN for pair in _pairs(piece)))


def _segments(text: str, index: Index) -> Iterator[tuple[int, str, bool]]:
    """Yield the known terms and the text between them with their places, without stop words."""
    glossed, stops, start, place = glossary().by_chinese, stop_words(), 0, 0

    def is_listed(word: str) -> bool:
        return word in glossed or index.partner(word) is not None

    while place < len(text):
        end = _match(text, place, lambda word: word in stops or is_listed(word))
        if end == place + 1 and text[place] not in stops and _inside_a_word(text, start, place):
            end = place
        if end == place:
            place += 1
            continue
        if start < place:
            yield start, text[start:place], False
        if is_listed(text[place:end]):
            yield place, text[place:end], True
        start = place = end
    if start < len(text):
        yield start, text[start:], False


def _inside_a_word(text: str, start: int, place: int) -> bool:
    """Return whether the character at `place` touches text that is not listed, as 谱 does in 食谱."""
    return start < place or (
        place + 1 < len(text)
        and _match(text, place + 1, lambda word: word in glossary().by_chinese or word in stop_words())
        == place + 1
    )


def _match(text: str, place: int, known: Callable[[str], bool]) -> int:
    for end in range(min(len(text), place + _LONGEST_WORD), place, -1):
        if known(text[place:end]):
            return end
    return place


def _pairs(text: str) -> list[str]:
    return [a + b for a, b in pairwise(text)]


def _pair_parts(text: str, weight: float = 1.0) -> tuple[tuple[Form, ...], ...]:
    """Return the pairs of a word of more than one pair, with their equivalents."""
    return tuple(_pair_forms(pair, weight) for pair in _pairs(text)) if len(text) > 2 else ()


def _pair_forms(pair: str, weight: float = 1.0) -> tuple[Form, ...]:
    others = equivalents(pair) if _HAN.fullmatch(pair) else ()
    return (Form(pair, weight), *(Form(other, weight * _TRANSLATED) for other in others[:2]))


def _han_size(text: str) -> float:
    return min(2.5, max(0.5, len(text) / 2))
