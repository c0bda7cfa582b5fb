"""Tag inference from a title and an excerpt, with the seed vocabulary of data/tags.toml.

Each word of the vocabulary has an estimated precision for a tag: a small prior updated by the posts with the
author's tags. Only words above `PRECISION` count. Posts with tags of the author are not inferred.
"""

import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

import ahocorasick

from bot.titles import flatten

PRECISION = 0.8  # minimum precision of a word to indicate a tag
MOST_TAGS = 5  # the author gives one to seven, mostly four or five

MACHINE_CATEGORIES = frozenset({"信息时代"})

Tagged = tuple[str, str, Sequence[str]]  # title, excerpt, the author's tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seed vocabulary; the file says what each table means."""

    synonyms: Sequence[Sequence[str]]
    triggers: Mapping[str, Sequence[str]]
    implied: Mapping[str, Sequence[str]]
    broad: frozenset[str]
    sky_and_matter: frozenset[str]
    subjects: frozenset[str]


@cache
def seeds() -> Seeds:
    text = (files("bot.intake") / "data" / "tags.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    sets = {name: frozenset(tables[name].split()) for name in ("broad", "sky_and_matter", "subjects")}
    return Seeds(**tables | sets)


class _Place(Enum):
    """Position of a word: the less prominent, the weaker the evidence."""

    TITLE = "title"
    OFTEN = "often"  # at least `_OFTEN` times in the excerpt
    ONCE = "once"  # fewer times in the excerpt


# Prior of a word by place: (posts with the tag, posts with the word).
_PRIOR = {
    _Place.TITLE: (2.7, 3.0),
    _Place.OFTEN: (2.5, 3.0),
    _Place.ONCE: (1.0, 2.0),
}
_BROAD_PRIOR = (1.0, 2.0)
_BROAD_TITLE_PRIOR = (1.7, 2.0)  # in a title, once the author has used the tag
_PHRASE_PRIOR = (0.0, 1.0)
_IMPLIED_PRIOR = (2.6, 3.0)
IMPLIED_PRECISION = 0.75  # share of the posts of a tag that must bear another for it to be implied
_OFTEN = 3
_PHRASE_POSTS = 4  # minimum number of titles to learn a phrase
_PHRASE_LENGTHS = range(2, 7)

_FORMULA = re.compile(r"\$[^$]*\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_LATIN_WORD = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_HAN = re.compile(r"[\u4e00-\u9fff]+")

_Rules = Mapping[str, tuple[tuple[str, float], ...]]  # word → the tags it indicates, with its precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The learned words, their precision by place, and the spelling of each tag."""

    automaton: ahocorasick.Automaton
    rules: Mapping[_Place, _Rules]
    phrases: _Rules
    implied: _Rules
    spellings: Mapping[str, str]


def _fold(text: str) -> str:
    """Return `text` in NFKC, case-folded. Most texts need only the full-width characters replaced."""
    text = flatten(text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return text.casefold()


def _compact(tag: str) -> str:
    compact = "".join(_fold(tag).split())
    # Case folding or removing a blank can produce a character that folds again.
    return compact if compact == tag else _compact(compact)


@cache
def _keys() -> dict[str, str]:
    return {_compact(spelling): _compact(group[0]) for group in seeds().synonyms for spelling in group}


@lru_cache(maxsize=8192)
def tag_key(tag: str) -> str:
    """Return the key of a tag: no case, no width, no blanks, synonyms as one. Idempotent."""
    compact = _compact(tag)
    return _keys().get(compact, compact)


def learn(tagged: Iterable[Tagged], seed: Seeds | None = None) -> Vocabulary:
    """Learn from posts with tags of the author. Without any, only the seed vocabulary applies."""
    seed = seed or seeds()
    posts = [(title, excerpt, frozenset(map(tag_key, tags)), tags) for title, excerpt, tags in tagged]
    spellings = _spellings([tag for *_, tags in posts for tag in tags], seed)
    words = _words(spellings, seed)
    automaton = _automaton(words)
    taught = frozenset(key for _, _, keys, _ in posts for key in keys)
    seen: dict[_Place, Counter[str]] = {place: Counter() for place in _Place}
    right: dict[_Place, Counter[tuple[str, str]]] = {place: Counter() for place in _Place}
    for title, excerpt, keys, _ in posts:
        for place, standing in _evidence(automaton, title, excerpt):
            seen[place].update(standing)
            right[place].update((word, key) for word in standing for key in words[word] & keys)
    rules = {
        place: {
            word: promises
            for word, keys in words.items()
            if (promises := _promises(_priors(place, keys, taught), right[place], word, seen[place][word]))
        }
        for place in _Place
    }
    return Vocabulary(
        automaton=automaton,
        rules=rules,
        phrases=_learn_phrases([(title, keys) for title, _, keys, _ in posts]),
        implied=_learn_implied([keys for _, _, keys, _ in posts]),
        spellings=spellings,
    )


def infer_tags(
    vocabulary: Vocabulary, title: str, excerpt: str, category: str | None = None
) -> tuple[str, ...]:
    """Return the likely tags of the post, the most precise first, at most `MOST_TAGS`."""
    promise: dict[str, float] = {}
    for place, standing in _evidence(vocabulary.automaton, title, excerpt):
        if rules := vocabulary.rules[place]:
            for word in standing:
                for key, precision in rules.get(word, ()):
                    promise[key] = max(promise.get(key, 0.0), precision)
    for phrase in _phrases(title) if vocabulary.phrases else ():
        for key, precision in vocabulary.phrases.get(phrase, ()):
            promise[key] = max(promise.get(key, 0.0), precision)
    for key in tuple(promise):
        for other, precision in vocabulary.implied.get(key, ()):
            promise[other] = max(promise.get(other, 0.0), promise[key] * precision)
    if category in MACHINE_CATEGORIES:
        promise = {key: precision for key, precision in promise.items() if key not in seeds().sky_and_matter}
    sure = sorted((-precision, key) for key, precision in promise.items())
    return tuple(vocabulary.spellings[key] for _, key in sure[:MOST_TAGS])


def _spellings(tags: Sequence[str], seed: Seeds) -> dict[str, str]:
    """Return the displayed form of each tag: the most frequent of the author, otherwise the seed."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for tag in tags:
        if key := tag_key(tag):
            spelt[key][tag.strip()] += 1
    implied = (other for others in seed.implied.values() for other in others)
    first = (group[0] for group in seed.synonyms)
    known = {tag_key(tag): tag for tag in (*implied, *seed.triggers, *first, *_named(seed))}
    return known | {key: min(counts, key=lambda tag: (-counts[tag], tag)) for key, counts in spelt.items()}


def _named(seed: Seeds) -> tuple[str, ...]:
    """Return the tags that their own word indicates."""
    return (*seed.sky_and_matter, *seed.subjects)


def _words(spellings: Mapping[str, str], seed: Seeds) -> dict[str, set[str]]:
    """Return every word to search for, with the tags it may indicate."""
    words: dict[str, set[str]] = defaultdict(set)
    for tag, triggers in seed.triggers.items():
        for word in triggers:
            words[_fold(word)].add(tag_key(tag))
    for word in (*chain.from_iterable(seed.synonyms), *_named(seed)):
        words[_fold(word)].add(tag_key(word))
    for key, name in spellings.items():
        # A single character and a bare number occur in too many texts to indicate the tag.
        if len(key) > 1 and not key.isdecimal():
            words[_fold(name)].add(key)
    return dict(words)


def _automaton(words: Iterable[str]) -> ahocorasick.Automaton:
    """Build an Aho-Corasick automaton; each word carries whether its boundaries must be checked."""
    automaton = ahocorasick.Automaton()
    for word in words:
        automaton.add_word(word, (word, word[0].isascii() or word[-1].isascii()))
    automaton.make_automaton()
    return automaton


def _evidence(
    automaton: ahocorasick.Automaton, title: str, excerpt: str
) -> tuple[tuple[_Place, Collection[str]], ...]:
    """Return the words at each place, each once."""
    counts = Counter(_occurrences(automaton, _fold(_FORMULA.sub(" ", excerpt))))
    often = {word for word, count in counts.items() if count >= _OFTEN}
    return (
        (_Place.TITLE, set(_occurrences(automaton, _fold(title)))),
        (_Place.OFTEN, often),
        (_Place.ONCE, counts.keys() - often),
    )


def _occurrences(automaton: ahocorasick.Automaton, text: str) -> list[str]:
    """Return the longest words at each position: 积分 in 路径积分 does not count."""
    return [
        word
        for last, (word, bounded) in automaton.iter_long(text)
        if not bounded or _stands_alone(text, last + 1 - len(word), last + 1, word)
    ]


def _stands_alone(text: str, start: int, end: int, word: str) -> bool:
    """Return whether a Latin word has no Latin neighbour: no GAN in "organ". Chinese has no boundaries."""
    if start > 0 and word[0].isascii() and (before := text[start - 1]).isascii() and before.isalnum():
        return False
    behind = text[end : end + 1]
    return not (word[-1].isascii() and behind.isascii() and behind.isalnum())


def _promises(
    priors: Mapping[str, tuple[float, float]], right: Mapping[tuple[str, str], int], word: str, seen: int
) -> tuple[tuple[str, float], ...]:
    """Return the tags that a word indicates with at least `PRECISION`."""
    each = ((key, _precision(right[word, key], seen, priors[key])) for key in sorted(priors))
    return tuple((key, precision) for key, precision in each if precision >= PRECISION)


def _priors(place: _Place, keys: Iterable[str], taught: frozenset[str]) -> dict[str, tuple[float, float]]:
    """Return the prior of each tag for a word at `place`; `taught` are the tags of the author."""
    broad, used = seeds().broad, taught if place is _Place.TITLE else frozenset[str]()
    return {
        key: _PRIOR[place] if key not in broad else _BROAD_TITLE_PRIOR if key in used else _BROAD_PRIOR
        for key in keys
    }


def _precision(right: int, seen: int, prior: tuple[float, float]) -> float:
    return (right + prior[0]) / (seen + prior[1])


def _learn_phrases(posts: Sequence[tuple[str, frozenset[str]]]) -> _Rules:
    """Learn pieces of titles, mostly series names, whose posts nearly all have one tag."""
    pieces = [(_phrases(title), keys) for title, keys in posts]
    seen = Counter(phrase for phrases, _ in pieces for phrase in phrases)
    right: Counter[tuple[str, str]] = Counter()
    for phrases, keys in pieces:
        right.update((phrase, key) for phrase in phrases if seen[phrase] >= _PHRASE_POSTS for key in keys)
    rules: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for (phrase, key), count in right.items():
        if (precision := _precision(count, seen[phrase], _PHRASE_PRIOR)) >= PRECISION:
            rules[phrase].append((key, precision))
    return {phrase: tuple(sorted(found)) for phrase, found in rules.items()}


def _learn_implied(posts: Sequence[frozenset[str]]) -> _Rules:
    """Return for each tag the tags that nearly all its posts bear too, from the seeds and the posts."""
    seen = Counter(key for keys in posts for key in keys)
    both = Counter((key, other) for keys in posts for key in keys for other in keys if key != other)
    seeded = {(tag_key(tag), tag_key(other)) for tag, others in seeds().implied.items() for other in others}
    rules: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for key, other in sorted(seeded | both.keys()):
        prior = _IMPLIED_PRIOR if (key, other) in seeded else _PHRASE_PRIOR
        if (precision := _precision(both[key, other], seen[key], prior)) >= IMPLIED_PRECISION:
            rules[key].append((other, precision))
    return {key: tuple(found) for key, found in rules.items()}


def _phrases(title: str) -> set[str]:
    folded = _fold(title)
    found = {word for word in _LATIN_WORD.findall(folded) if not word.isdecimal()}
    for run in _HAN.findall(folded):
        found.update(
            run[start : start + length]
            for length in _PHRASE_LENGTHS
            for start in range(len(run) - length + 1)
        )
    return found
