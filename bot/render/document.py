"""A message before it is rendered: a small tree of blocks and inlines, and the buttons below it.

Every view builds a `Message`; rich.py and classic.py each turn its body into one of Telegram's two forms.
Knows nothing of either form, of Telegram or of storage.
"""

from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    children: "tuple[Inline, ...]"


@dataclass(frozen=True, slots=True)
class Italic:
    children: "tuple[Inline, ...]"


@dataclass(frozen=True, slots=True)
class Code:
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """`url` is http(s) or tg."""

    url: str
    children: "tuple[Inline, ...]"


@dataclass(frozen=True, slots=True)
class Formula:
    """Inline mathematics; `tex` is the source without its delimiters."""

    tex: str


Inline = Text | Bold | Italic | Code | Link | Formula


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 is the largest, 6 the smallest."""

    children: tuple[Inline, ...]
    level: int = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list; `label` is what stands before it ("1", "◌ 2"), None for a bullet."""

    children: tuple[Inline, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class DisplayFormula:
    """A formula on a line of its own; `tex` is the source without its delimiters or outer environment."""

    tex: str


@dataclass(frozen=True, slots=True)
class Preformatted:
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody else's words: the excerpt of a post."""

    blocks: "tuple[Block, ...]"


@dataclass(frozen=True, slots=True)
class Footer:
    children: tuple[Inline, ...]


Block = Paragraph | Heading | Items | DisplayFormula | Preformatted | Quote | Footer
Body = tuple[Block, ...]


class Pick(IntEnum):
    """What kind of chat can be picked; the number comes back with the choice."""

    CHANNEL = 1
    GROUP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Exactly one of `action` (callback data, <= 64 bytes), `url`, `copy` (<= 256), `share`, `pick` is set.

    A button that lets its reader `pick` one of their chats stands among its like, in a private chat only.
    """

    text: str
    action: str | None = None
    url: str | None = None
    copy: str | None = None
    share: str | None = None  # an inline query to start in another chat
    pick: Pick | None = None


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be said: a body in either form, the buttons, and the address whose preview may be shown."""

    body: Body
    keyboard: Keyboard = ()
    preview: str | None = None
