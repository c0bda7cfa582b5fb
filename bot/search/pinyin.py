"""Pinyin of Chinese characters without tones (data/readings.tsv): syllables, initials, similar sounds."""

from collections.abc import Collection
from functools import cache
from importlib.resources import files

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


def with_initial(letter: str) -> frozenset[str]:
    """Return the characters that have a reading with this first letter."""
    return frozenset(
        sign for syllable, signs in characters().items() if syllable[0] == letter for sign in signs
    )


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
