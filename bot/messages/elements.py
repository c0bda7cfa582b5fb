"""Elements of views: blocks from plain strings, and rows of buttons for actions, pages, names.

Telegram allows eight buttons in a row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from bot.callbacks import actions
from bot.callbacks.actions import Action, Nothing
from bot.callbacks.codec import encode
from bot.messages.i18n import Words
from bot.messages.links import WebPages
from bot.render.document import Button, Footer, Heading, Inline, Item, Items, Link, Message, Paragraph, Text
from bot.text_sanitizer import fitting, one_line, units


def paragraph(*children: Inline | str) -> Paragraph:
    """Return a paragraph; a string is plain text, an empty one nothing."""
    return Paragraph(_inlines(children))


def heading(*children: Inline | str, level: int = 3) -> Heading:
    """Return a heading; a string is plain text, an empty one nothing."""
    return Heading(_inlines(children), level)


def item(*children: Inline | str, label: str = "·") -> Item:
    """Return a list item behind a label; a string is plain text, an empty one nothing."""
    return Item(_inlines(children), label)


def items(lines: Iterable[Item]) -> Items:
    """Return a list of `lines`."""
    return Items(tuple(lines))


def link(url: str, *children: Inline | str) -> Link:
    """Return a link; a string is plain text."""
    return Link(url, _inlines(children))


def footer(*children: Inline | str) -> Footer:
    """Return small print; a string is plain text."""
    return Footer(_inlines(children))


def _inlines(children: Iterable[Inline | str]) -> tuple[Inline, ...]:
    return tuple(Text(child) if isinstance(child, str) else child for child in children if child)


T = TypeVar("T")

PER_PAGE: Final = 8
ROW_BUTTONS: Final = 4  # that a phone shows whole
LABEL_UNITS: Final = 24  # what a button of half a phone's width can show
Row = tuple[Button, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A part of a list: `number` of `of`, both from 1; `total` is the length of the whole list."""

    items: tuple[T, ...]
    number: int = 1
    of: int = 1
    total: int

    @property
    def before(self) -> int:
        """Return the number of items on the pages before this one, if all are full."""
        return (self.number - 1) * PER_PAGE

    def numbered(self) -> "enumerate[T]":
        """Return the items with their numbers in the whole list."""
        return enumerate(self.items, self.before + 1)


def page_of(items: Sequence[T], number: int) -> Page[T]:
    """Return page `number` of `items`, or the nearest existing page."""
    of = page_count(len(items))
    number = min(max(number, 1), of)
    start = (number - 1) * PER_PAGE
    return Page(items=tuple(items[start : start + PER_PAGE]), number=number, of=of, total=len(items))


def page_count(total: int) -> int:
    """Return the number of pages for `total` items; at least one."""
    return max(1, -(-total // PER_PAGE))


def press(text: str, action: Action) -> Button:
    """Return a button for `action`."""
    return Button(text=text, action=encode(action))


def usual(words: Words, *to: Action) -> Row:
    """Return buttons under the names by which most messages offer their actions."""
    names: dict[Action, str] = {
        actions.Latest(): words.text("最近文章"),
        actions.SeriesIndex(): words.text("按系列"),
        actions.TagIndex(): words.text("按标签"),
        actions.Archive(): words.text("‹ 所有年份"),
        actions.AskSearch(): words.text("搜索文章"),
        actions.Subscriptions(): words.text("看全部订阅"),
        actions.SubscribeMenu(): words.text("选要订阅的"),
        actions.HelpPage(): words.text("帮助"),
        actions.Dismiss(): words.text("取消"),
        actions.Status(): words.text("运行状况"),
        actions.Dumps(): words.text("快照"),
        actions.Retry(): words.text("再试一次"),
    }
    return tuple(press(names[action], action) for action in to)


def label(text: str, room: int = LABEL_UNITS) -> str:
    """Return `text` on one line, cut to `room` UTF-16 units with "…"."""
    text = one_line(text)
    return text if units(text) <= room else text[: fitting(text, room - 1)].rstrip() + "…"


def with_page(
    message: Message, pages: WebPages | None, page: Action | str, words: Words, *, private: bool
) -> Message:
    """Return the message with a button to the web page of an action, or of a search for words.

    It stands in the last row that has room for it. A message without buttons, such as a refusal, gets none.
    """
    address = pages.address(page, private=private) if pages is not None and message.keyboard else None
    if address is None:
        return message
    text, rows = words.text("网页版"), list(message.keyboard)
    button = Button(text=text, web_app=address) if private else Button(text=text, url=address)
    for place, row in reversed(list(enumerate(rows))):
        if len(row) < ROW_BUTTONS and sum(units(each.text) for each in row) < LABEL_UNITS - units(text):
            rows[place] = (*row, button)
            break
    else:
        rows.append((button,))
    return replace(message, keyboard=tuple(rows))


def paging(page: Page[T], to: Callable[[int], Action]) -> tuple[Row, ...]:
    """Return the row [‹] 2 / 4 [›]; no row for a single page."""
    if page.of <= 1:
        return ()
    row = [press(f"{page.number} / {page.of}", Nothing())]
    if page.number > 1:
        row.insert(0, press("‹", to(page.number - 1)))
    if page.number < page.of:
        row.append(press("›", to(page.number + 1)))
    return (tuple(row),)


def in_rows(buttons: Iterable[Button], width: int) -> tuple[Row, ...]:
    """Return `buttons` in the fewest rows of at most `width`, of nearly equal length."""
    every = tuple(buttons)
    rows = -(-len(every) // width)
    ends = [-(-len(every) * row // rows) for row in range(1, rows + 1)]
    return tuple(every[start:end] for start, end in zip([0, *ends], ends, strict=False))
