"""Matcher of posts against the word scopes that chats subscribe to.

Pure. Words are compared as the search does, with an Aho-Corasick automaton over all of them.
"""

from collections.abc import Iterable, Sequence

import ahocorasick

from bot.intake.derive import Place
from bot.search.index import searched
from bot.search.query import query_words
from storage.model import Post, PostId, Scope, ScopeKind


def word_key(words: str) -> str:
    """Return the normal form of a word scope: sorted, case-folded, without duplicates; may be empty."""
    return " ".join(sorted(query_words(words)))


def word_places(posts: Iterable[Post], scopes: Sequence[Scope]) -> dict[PostId, tuple[Place, ...]]:
    """Return for each post the word scopes all of whose words occur in its title, tags or excerpt."""
    wanted = [(frozenset(query_words(scope.name)), scope) for scope in scopes]
    led: dict[str, list[tuple[frozenset[str], Scope]]] = {}
    for words, scope in wanted:
        if words:
            # The longest word is the rarest: the others are checked only if it occurs.
            led.setdefault(max(words, key=lambda word: (len(word), word)), []).append((words, scope))
    if not led:
        return {}
    automaton = ahocorasick.Automaton()
    for word in {word for words, _ in wanted for word in words}:
        automaton.add_word(word, word)
    automaton.make_automaton()
    return {post.id: places for post in posts if (places := _places(automaton, led, searched(post)))}


def _places(
    automaton: ahocorasick.Automaton, led: dict[str, list[tuple[frozenset[str], Scope]]], text: str
) -> tuple[Place, ...]:
    occurring = {word for _, word in automaton.iter(text)}
    found = [scope for word in occurring for words, scope in led.get(word, ()) if words <= occurring]
    return tuple((ScopeKind.WORD, scope.key, scope.name, False) for scope in sorted(found, key=_number))


def _number(scope: Scope) -> int:
    return scope.id
