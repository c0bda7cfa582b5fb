"""Document model of a message: a tree of blocks and inlines, and the keyboard below it.

Every view builds a `Message`; the renderers turn its body into one of Telegram's forms.
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
    """Fixed-width text."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Link; the scheme of `url` is http, https or tg."""

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
    """Heading; `level` 1 is the largest, 6 the smallest."""

    children: tuple[Inline, ...]
    level: int = 3


@dataclass(frozen=True, slots=True)
class Item:
    """List item; `label` is the text before it ("1", "◌ 2"), None for a bullet."""

    children: tuple[Inline, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class DisplayFormula:
    """Display formula; `tex` is the source without its delimiters or outer environment."""

    tex: str


@dataclass(frozen=True, slots=True)
class Preformatted:
    """Preformatted block, in LaTeX or another `language`; empty if unknown."""

    text: str
    language: str = "latex"


@dataclass(frozen=True, slots=True)
class Quote:
    """Block quote: the excerpt of a post."""

    blocks: "tuple[Block, ...]"


@dataclass(frozen=True, slots=True)
class Footer:
    """Small print below a message."""

    children: tuple[Inline, ...]


Block = Paragraph | Heading | Items | DisplayFormula | Preformatted | Quote | Footer
Body = tuple[Block, ...]


class Pick(IntEnum):
    """Kind of chat that a button asks its user to choose; the number returns with the choice."""

    CHANNEL = 1
    GROUP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Button with exactly one of `action` (<= 64 bytes), `url`, `copy` (<= 256), `share`, `pick`, `web_app`.

    A `pick` button is part of a reply keyboard, in a private chat only, with no buttons of other kinds.
    """

    text: str
    action: str | None = None
    url: str | None = None
    copy: str | None = None
    share: str | None = None  # an inline query to start in another chat
    pick: Pick | None = None
    web_app: str | None = None  # a page that opens inside Telegram, in a private chat only


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Message: a body, the keyboard, and the address whose link preview may be shown."""

    body: Body
    keyboard: Keyboard = ()
    preview: str | None = None
