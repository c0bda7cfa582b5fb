"""Spelling correction of query words against the words of the archive.

Latin words by bounded edit distance, pinyin and misspelt Chinese by chains in the graph of character pairs:
a chain is a word all of whose adjacent pairs occur in the heads.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from importlib.resources import files
from operator import ne

Occurs = Callable[[str], bool]  # whether a text occurs in the heads

_SHORTEST = 4  # letters of a Latin word that is corrected
_LONG = 8  # letters from which two edits are allowed
_MOST_WORDS = 3
_MOST_PARTED = 3  # readings of pinyin that are cut in words
_MOST_CHAINS = 64
_WIDEST = 8  # characters of the widest span that is corrected at once
_INITIALS = range(4, 11)  # letters; fewer are initials of too many words


def nearest_words(word: str, vocabulary: Collection[str]) -> tuple[str, ...]:
    """Return the words within one edit of `word`, two if it is long, that begin alike; nearest first."""
    if len(word) < _SHORTEST or not any(map(str.isalpha, word)):
        return ()
    from rapidfuzz import process  # 3 MB, and most searches have no typo
    from rapidfuzz.distance import OSA

    bound = 2 if len(word) >= _LONG else 1
    near = [
        other
        for other in vocabulary
        if abs(len(other) - len(word)) <= bound and len(other) >= _SHORTEST and other[0] == word[0]
    ]
    found = process.extract(word, near, scorer=OSA.distance, score_cutoff=bound, limit=None)
    ranked = sorted((distance, other) for other, distance, _ in found)
    return tuple(other for distance, other in ranked if distance == ranked[0][0])[:_MOST_WORDS]


def words_of_pinyin(letters: str, occurs: Occurs) -> tuple[tuple[str, ...], ...]:
    """Return the Chinese words that `letters` spells, as alternatives for each stretch of its syllables.

    Exact syllables before similar sounds; all of it as one word before parts of two and more syllables.
    """
    splits = syllable_splits(letters)
    for sounds in (characters().__getitem__, similar_sound):
        for split in splits:
            if found := _chains([sounds(syllable) for syllable in split], occurs):
                return (found,)
    for split in splits[:_MOST_PARTED]:
        if parts := _parts([characters()[syllable] for syllable in split], occurs):
            return parts
    return ()


def words_of_initials(letters: str, occurs: Occurs) -> tuple[str, ...]:
    """Return the words of the heads whose syllables begin with `letters`."""
    if len(letters) not in _INITIALS:
        return ()
    return _chains([_with_initial(letter) for letter in letters], occurs)


def corrected(text: str, fixed: Collection[int], occurs: Occurs) -> str:
    """Return Chinese `text` with the characters replaced that form no pair of the heads with a neighbour.

    A replacement sounds alike, or, within a word, is the only one between both neighbours. The places in
    `fixed` belong to words that are spelt right.
    """
    for place in range(len(text)):
        alone = not any(occurs(text[at : at + 2]) for at in (place - 1, place) if 0 <= at < len(text) - 1)
        if alone and place not in fixed:
            text = _replaced(text, place, occurs)
    return text


def _replaced(text: str, place: int, occurs: Occurs) -> str:
    first = max(0, place - _WIDEST + 1)
    sounds = [_occurring(same_sound(sign) or sign, occurs) for sign in text[first : place + _WIDEST]]
    for width in range(min(_WIDEST, len(text)), 1, -1):
        for start in range(max(0, place - width + 1), min(place, len(text) - width) + 1):
            span = text[start : start + width]
            for found in _linked(sounds[start - first : start - first + width], occurs):
                if sum(map(ne, found, span)) <= max(1, width // 3):
                    return text[:start] + found + text[start + width :]
    if 0 < place < len(text) - 1:
        before, after = text[place - 1], text[place + 1]
        fits = [sign for sign in readings() if occurs(before + sign) and occurs(before + sign + after)]
        if len(fits) == 1:
            return text[:place] + fits[0] + text[place + 1 :]
    return text


def _parts(sounds: Sequence[str], occurs: Occurs) -> tuple[tuple[str, ...], ...]:
    """Return the longest words from left to right; () if less than half of the syllables are in words."""
    places = [_occurring(signs, occurs) for signs in sounds]
    parts: list[tuple[str, ...]] = []
    place = covered = 0
    while place < len(places):
        for end in range(len(places), place + 1, -1):
            if found := _linked(places[place:end], occurs):
                parts.append(found)
                covered += end - place
                place = end
                break
        else:
            place += 1
    return tuple(parts) if covered * 2 > len(places) else ()


def _chains(sounds: Sequence[str], occurs: Occurs) -> tuple[str, ...]:
    """Return the words with one character of each of `sounds` that occur in the heads."""
    return _linked([_occurring(signs, occurs) for signs in sounds], occurs)


def _occurring(signs: str, occurs: Occurs) -> list[str]:
    return [sign for sign in dict.fromkeys(signs) if occurs(sign)]


def _linked(places: Sequence[Sequence[str]], occurs: Occurs) -> tuple[str, ...]:
    if len(places) < 2:
        return ()
    words = list(places[0])
    for signs in places[1:]:
        words = [word + sign for word in words for sign in signs if occurs(word[-1] + sign)]
        if len(words) > _MOST_CHAINS:
            words = [word for word in words if occurs(word)][:_MOST_CHAINS]
    return tuple(word for word in words if occurs(word))


_LONGEST = 6  # letters of the longest syllable
_MOST_SPLITS = 12
# Pairs of sounds that many speakers do not distinguish, each reduced to one.
_MERGED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))


@cache
def characters() -> dict[str, str]:
    """Return the characters of each syllable; ü is written v."""
    text = (files("bot.search") / "data" / "readings.tsv").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {syllable: signs for syllable, signs in pairs if len(syllable) > 1 or syllable in "aoe"}


@cache
def readings() -> dict[str, tuple[str, ...]]:
    """Return the syllables of each character."""
    found: dict[str, tuple[str, ...]] = {}
    for syllable, signs in characters().items():
        for sign in signs:
            found[sign] = (*found.get(sign, ()), syllable)
    return found


def syllable_splits(letters: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways to read `letters` as syllables, at most `_MOST_SPLITS`, shortest first."""
    letters = letters.replace("'", "").replace("ü", "v")
    known = characters()
    splits: list[list[tuple[str, ...]]] = [[()]]
    for end in range(1, len(letters) + 1):
        here = [
            (*before, letters[start:end])
            for start in range(max(0, end - _LONGEST), end)
            if letters[start:end] in known
            for before in splits[start]
        ]
        splits.append(sorted(here, key=len)[:_MOST_SPLITS])
    return tuple(splits[-1]) if letters else ()


def same_sound(sign: str) -> str:
    """Return the characters that share a reading with `sign`."""
    return "".join(characters()[syllable] for syllable in readings().get(sign, ()))


@cache
def similar_sound(syllable: str) -> str:
    """Return the characters whose reading differs from `syllable` at most in an undistinguished sound."""
    merged = _merge(syllable)
    return "".join(signs for other, signs in characters().items() if _merge(other) == merged)


def _with_initial(letter: str) -> str:
    """Return the characters that have a reading with this first letter, in order."""
    found = (signs for syllable, signs in characters().items() if syllable[0] == letter)
    return "".join(sorted(set().union(*found)))


def spelled(letters: str, text: str, *, initials: bool = False) -> tuple[int, int] | None:
    """Return the first span of `text` whose pinyin, or whose first letters, are `letters`."""
    known = readings()
    for start in range(len(text)):
        places: Collection[int] = {0}
        for end in range(start, len(text)):
            syllables = known.get(text[end]) or (text[end],)
            steps = {syllable[0] for syllable in syllables} if initials else set(syllables)
            places = {at + len(step) for at in places for step in steps if letters.startswith(step, at)}
            if len(letters) in places:
                return start, end + 1
            if not places:
                break
    return None


def _merge(syllable: str) -> str:
    for sound, other in _MERGED:
        syllable = syllable.replace(sound, other)
    return syllable
