"""How a scope is called: in a sentence, on a button.

Knows the five kinds of scope; not who is subscribed.
"""

from typing import assert_never

from bot.messages.characters import one_line
from bot.messages.words import Words
from storage.model import Scope, ScopeKind


def scope_name(scope: Scope, words: Words) -> str:
    """「系列 生成扩散模型漫谈」: its kind and its name, for a sentence or a list."""
    name = one_line(scope.name)
    match scope.kind:
        case ScopeKind.EVERYTHING:
            return words.say("全部文章")
        case ScopeKind.SERIES:
            return words.say("系列「{name}」", name=name)
        case ScopeKind.TAG:
            return words.say("标签「{name}」", name=name)
        case ScopeKind.CATEGORY:
            return words.say("分类「{name}」", name=name)
        case ScopeKind.WORD:
            return words.say("关键词「{name}」", name=name)
        case _:
            assert_never(scope.kind)


def scope_label(scope: Scope, words: Words) -> str:
    """As short as it can be, for a button: #扩散."""
    match scope.kind:
        case ScopeKind.EVERYTHING:
            return words.say("全部文章")
        case ScopeKind.TAG:
            return f"#{one_line(scope.name)}"
        case ScopeKind.SERIES | ScopeKind.CATEGORY | ScopeKind.WORD:
            return one_line(scope.name)
        case _:
            assert_never(scope.kind)
