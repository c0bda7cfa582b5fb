"""A body as runs of text, each with the tags around it: what classic.py cuts into messages.

Knows which of Telegram's classic tags may stand inside which; knows neither limits nor escaping of text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Final, assert_never

from bot.messages.addresses import openable
from bot.messages.characters import clean, units
from bot.messages.document import (
    Block,
    Body,
    Bold,
    Code,
    DisplayFormula,
    Footer,
    Formula,
    Heading,
    Inline,
    Italic,
    Items,
    Link,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.messages.plain import gap, label, plain
from bot.messages.unicode_maths import unicode_tex

EXPANDABLE_ABOVE: Final = 130  # UTF-16 units: about three lines of Chinese on a phone


@dataclass(frozen=True, slots=True)
class Run:
    """Text inside the same tags, outermost first. `whole` runs are not cut; `border` runs part two blocks."""

    text: str
    tags: tuple[str, ...] = ()
    whole: bool = False
    border: bool = False


def runs(body: Body) -> list[Run]:
    """The runs of `body`; their texts joined are `plain(body)`."""
    return list(_blocks(body, (), quoted=False))


def _blocks(body: Body, tags: tuple[str, ...], *, quoted: bool) -> Iterator[Run]:
    before: Block | None = None
    for block in body:
        inside = _stripped(list(_block(block, tags, quoted=quoted)))
        if not inside:
            continue
        if before is not None:
            yield Run(gap(before, block), tags, border=True)
        yield from inside
        before = block


def _block(block: Block, tags: tuple[str, ...], *, quoted: bool) -> Iterator[Run]:
    match block:
        case Paragraph() | Footer():
            yield from _inlines(block.children, tags)
        case Heading():
            yield from _inlines(block.children, _with(tags, "b"))
        case Items():
            for index, item in enumerate(block.items):
                if index:
                    yield Run("\n", tags)
                yield Run(label(item), tags, whole=True)
                yield from _stripped(list(_inlines(item.children, tags)))
        case DisplayFormula():
            yield from _formula(block.tex, tags)
        case Preformatted():
            yield Run(clean(block.text), (*_quotes(tags), "pre"))
        case Quote() if quoted:
            yield from _blocks(block.blocks, tags, quoted=True)
        case Quote():
            yield from _blocks(block.blocks, (*tags, _quote_tag(block)), quoted=True)
        case _:
            assert_never(block)


def _quote_tag(quote: Quote) -> str:
    said = plain(quote.blocks)
    return "blockquote expandable" if units(said) > EXPANDABLE_ABOVE or said.count("\n") > 2 else "blockquote"


def _inlines(children: Iterable[Inline], tags: tuple[str, ...]) -> Iterator[Run]:
    for child in children:
        match child:
            case Text():
                yield Run(clean(child.text), tags)
            case Code():
                yield Run(clean(child.text), (*_quotes(tags), "code"), whole=True)
            case Formula():
                yield from _formula(child.tex, tags)
            case Bold():
                yield from _inlines(child.children, _with(tags, "b"))
            case Italic():
                yield from _inlines(child.children, _with(tags, "i"))
            case Link():
                yield from _inlines(child.children, _with(tags, _anchor(child.url)))
            case _:
                assert_never(child)


def _formula(tex: str, tags: tuple[str, ...]) -> Iterator[Run]:
    readable = unicode_tex(tex)
    if readable is not None:
        yield Run(clean(readable), tags, whole=True)
    else:
        yield Run(clean(" ".join(tex.split())), (*_quotes(tags), "code"), whole=True)


def _with(tags: tuple[str, ...], tag: str) -> tuple[str, ...]:
    """`tags` and one more, unless it is empty, already there, or a link inside a link."""
    if not tag or tag in tags or (tag.startswith("a ") and any(known.startswith("a ") for known in tags)):
        return tags
    return (*tags, tag)


def _quotes(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The tags that may stand around code."""
    return tuple(tag for tag in tags if tag.startswith("blockquote"))


def _anchor(url: str) -> str:
    """The opening of a link; empty for an address that no reader should open."""
    address = openable(url)
    return f'a href="{escape(address)}"' if address else ""


def _stripped(inside: list[Run]) -> list[Run]:
    """Without blanks at both ends, and without empty runs."""
    while inside and not inside[0].text.strip():
        inside.pop(0)
    while inside and not inside[-1].text.strip():
        inside.pop()
    if inside:
        inside[0] = replace(inside[0], text=inside[0].text.lstrip())
        inside[-1] = replace(inside[-1], text=inside[-1].text.rstrip())
    return [run for run in inside if run.text]
