"""Which characters of other people's text may be shown, and how long a text is for Telegram.

Applied to every text of a dump or a person before it is rendered.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from opencc import OpenCC

# Controls, bidirectional marks, zero-width characters and language tags can reorder or hide text. The three
# combining marks (ring, double low line, double overline) are removed by Telegram itself from every message.
_UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u030a\u0333\u033f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMOJI: Final = "[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_LONE_JOINER: Final = re.compile(f"\u200d(?!{_EMOJI})|(?<!{_EMOJI[:-1]}\ufe0f])\u200d")
_LINE_ENDS: Final = re.compile("\r\n|\r|\x0b|\x0c|\x85|\u2028|\u2029")
_MANY_LINES: Final = re.compile(r"[ \t\u3000]*\n(?:[ \t\u3000]*\n)+")


def clean(text: str) -> str:
    """`text` with only characters that show themselves; lines end in "\\n", at most one of them empty.

    A zero-width joiner stays between two emoji, which it joins to one picture. Idempotent.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text).replace("\t", " ")
    text = _UNSHOWN.sub("", text)
    if "\u200d" in text:
        # Removing one joiner can leave another without its neighbour.
        while (shorter := _LONE_JOINER.sub("", text)) != text:
            text = shorter
    return _MANY_LINES.sub("\n\n", text)


def one_line(text: str) -> str:
    """Return `text` cleaned and on one line, for titles and labels."""
    return " ".join(clean(text).split())


def simplified(text: str) -> str:
    """Return `text` in simplified Chinese characters, of the same length."""
    if text.isascii():
        return text
    converted = _simplifier().convert(text)
    return converted if len(converted) == len(text) else "".join(map(_simplifier().convert, text))


@cache
def _simplifier() -> "OpenCC":
    from opencc import OpenCC  # 60 ms, and only texts with Chinese characters need it

    return OpenCC("t2s")


def units(text: str) -> int:
    """Return the length that Telegram counts: UTF-16 code units, two for a character beyond U+FFFF."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def fitting(text: str, room: int) -> int:
    """How many characters of `text` fit in `room` UTF-16 units."""
    if units(text) <= room:
        return len(text)
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > room:
            return index
    return len(text)


_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")


def redact_url(url: str) -> str:
    """Return `url` without user, password, query and fragment, for logs, messages and metrics."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an invalid address"
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def redact_urls(text: str) -> str:
    """Return `text` with every absolute address in it redacted."""
    return _ADDRESS.sub(lambda found: redact_url(found[0]), text)
