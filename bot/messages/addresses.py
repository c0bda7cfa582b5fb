"""Which addresses a message may link to. Knows no page of any site."""

import re
from typing import Final

from bot.messages.characters import clean

_OPENABLE: Final = re.compile(r"(?:https?://[^\s/?#]+|tg://)\S*")


def openable(url: str) -> str:
    """`url` without blanks and invisible characters; empty unless it is an http, https or tg address."""
    address = "".join(clean(url).split())
    return address if _OPENABLE.fullmatch(address) else ""
