"""Titles as text: the form the dumps flatten them to, the key by which a post is recognised, the one to show.

Knows nothing of numbers, series or storage.
"""

import re

_NARROW = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"  # pasted into titles unnoticed; Python counts none as blank
_LONGEST_KEY = 500  # characters; no title of the blog has more than 50, what is longer is not a title
_WIDE = re.compile(r"[\uff01-\uff5e]")


def flatten(title: str) -> str:
    """`title` as a text dump has it: U+FF01…FF5E become ASCII, all else stays; one character for one.

    、。《》“”【】 and the dash stay in the dumps, so they stay here.
    """
    for sign in set(_WIDE.findall(title)):  # few signs are wide: five times as fast as str.translate
        title = title.replace(sign, _NARROW[sign])
    return title


def title_key(title: str) -> str:
    """The normal form by which two sightings of one post agree: flattened, without blanks, … as three points.

    Idempotent. Case is kept: no capture changes it, only the author does, and an edit is the diff's matter
    (it keeps the old title as an alias); folding here could only merge posts that differ. What is longer
    than any title goes by its beginning, so that a key costs microseconds whatever stands in a dump.
    """
    key = "".join(flatten(title[:_LONGEST_KEY]).split())
    for sign in _UNSEEN:
        key = key.replace(sign, "")
    return key.replace("…", "...")[:_LONGEST_KEY]


def shown_title(a: str, b: str) -> str:
    """Of two titles with the same key the one to show: that with more full-width signs, else `a`.

    Flattening only ever loses full-width signs, so the form with more of them is nearer to the author's.
    """
    return b if len(_WIDE.findall(b)) > len(_WIDE.findall(a)) else a
