"""Parser of the text after /subscribe and /unsubscribe: `tag NAME`, 系列「名称」, `except word RoPE`, 全部.

Everything that a message or button calls a scope or an action is understood when it is typed.
"""

import re
from dataclasses import dataclass
from typing import Final

from storage.model import ScopeKind

KINDS: Final = {
    "series": ScopeKind.SERIES, "系列": ScopeKind.SERIES,
    "tag": ScopeKind.TAG, "tags": ScopeKind.TAG, "标签": ScopeKind.TAG,
    "category": ScopeKind.CATEGORY, "categories": ScopeKind.CATEGORY, "分类": ScopeKind.CATEGORY,
    "word": ScopeKind.WORD, "words": ScopeKind.WORD, "keyword": ScopeKind.WORD, "keywords": ScopeKind.WORD,
    "关键词": ScopeKind.WORD, "词语": ScopeKind.WORD, "词": ScopeKind.WORD,
}  # fmt: skip
EVERYTHING: Final = frozenset({
    "all", "everything", "every", "every post", "all posts", "全部", "全部文章", "所有", "所有文章",
})  # fmt: skip
MUTES: Final = ("except", "mute", "muted", "block", "never", "屏蔽", "已屏蔽", "除了", "静音", "不要")
_SIGNS: Final = "🔔🔕 :：·"
_QUOTED: Final = re.compile(r"[「『“\"'《](.+)[」』”\"'》]")


@dataclass(frozen=True, slots=True)
class ScopeText:
    """A scope as typed: its kind where one is given, its name, and whether a mute is meant."""

    kind: ScopeKind | None
    name: str
    muted: bool = False


def parse_scope(text: str) -> ScopeText:
    """Return the scope that `text` names; an empty name means that none is given."""
    text = " ".join(text.split()).strip(_SIGNS)
    muted = False
    for word in MUTES:
        rest = _after(text, word)
        if rest is not None:
            muted, text = True, rest
            break
    if text.lower() in EVERYTHING:
        return ScopeText(ScopeKind.EVERYTHING, "", muted)
    if len(text) > 1 and text[0] in "#≈" and not text[1].isspace():
        return ScopeText(ScopeKind.TAG, _unquoted(text[1:]), muted)
    for word, kind in KINDS.items():
        rest = _after(text, word)
        if rest is not None:
            name = rest.lstrip("#≈") if kind is ScopeKind.TAG else rest
            return ScopeText(kind, _unquoted(name), muted)
    return ScopeText(None, _unquoted(text), muted)


def _after(text: str, word: str) -> str | None:
    """Return what follows `word` at the start of `text`; None if another word begins there.

    A Chinese word may be followed by a quotation mark or a word of `KINDS` without a blank.
    """
    lower = text.lower()
    if lower == word:
        return ""
    if not lower.startswith(word):
        return None
    rest = text[len(word) :]
    follows = rest[0] in " :：「『“\"'《" or (
        not word.isascii()
        and word in MUTES
        and rest.startswith(tuple(kind for kind in KINDS if not kind.isascii()))
    )
    return rest.lstrip(" :：") if follows else None


def _unquoted(name: str) -> str:
    found = _QUOTED.fullmatch(name.strip())
    return found[1].strip() if found else name.strip()
