"""Titles as text: the form the dumps flatten them to, the key by which a post is recognised, the one to show.

Knows nothing of numbers, series or storage.
"""

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# \s of Python covers NBSP and the ideographic blank; the zero-width signs are pasted into titles unseen.
_BLANK = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
_WIDE = re.compile(r"[\uff01-\uff5e]")


def flatten(title: str) -> str:
    """`title` as a text dump has it: U+FF01…FF5E become ASCII, all else stays; one character for one.

    、。《》“”【】 and the dash stay in the dumps, so they stay here.
    """
    return title.translate(_FULL_WIDTH)


def title_key(title: str) -> str:
    """The normal form by which two sightings of one post agree: flattened, without blanks, … as three points.

    Idempotent. Case is kept: no capture changes it, only the author does, and an edit is the diff's matter
    (it keeps the old title as an alias); folding here could only merge posts that differ.
    """
    return _BLANK.sub("", flatten(title)).replace("…", "...")


def shown_title(a: str, b: str) -> str:
    """Of two titles with the same key the one to show: that with more full-width signs, else `a`.

    Flattening only ever loses full-width signs, so the form with more of them is nearer to the author's.
    """
    return b if len(_WIDE.findall(b)) > len(_WIDE.findall(a)) else a
