"""Renderers for Telegram's HTML and for plain text, with the gaps between blocks.

Flattens the body into runs of text with tags and cuts between runs, so that no entity is split.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import takewhile
from typing import Final, NamedTuple, assert_never

from bot.render.document import (
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
    Item,
    Items,
    Link,
    Message,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.text_sanitizer import clean, fitting, units

_OPENABLE: Final = re.compile(r"(?:https?://[^\s/?#]+|tg://)\S*")


def openable(url: str) -> str:
    """Return `url` without blanks and invisible characters; empty unless its scheme is allowed."""
    address = "".join(clean(url).split())
    return address if _OPENABLE.fullmatch(address) else ""


EXPANDABLE_ABOVE: Final = 130  # UTF-16 units: about three lines of Chinese on a phone


class Run(NamedTuple):
    """Text inside the same tags, outermost first; `whole` runs are not cut, `border` runs separate blocks."""

    text: str
    tags: tuple[str, ...] = ()
    whole: bool = False
    border: bool = False


def runs(body: Body) -> list[Run]:
    return list(_blocks(body, (), quoted=False))


def _blocks(body: Body, tags: tuple[str, ...], *, quoted: bool) -> Iterator[Run]:
    before: Block | None = None
    for block in body:
        inside = _stripped(_block(block, tags, quoted=quoted))
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
                yield from _stripped(_inlines(item.children, tags))
        case DisplayFormula():
            yield from _formula(block.tex, tags)
        case Preformatted():
            yield Run(clean(block.text), (*_quotes(tags), "pre"))
        case Quote() if quoted:
            yield from _blocks(block.blocks, tags, quoted=True)
        case Quote():
            inside = list(_blocks(block.blocks, tags, quoted=True))
            tag = _quote_tag("".join(run.text for run in inside))
            yield from (run._replace(tags=(tag, *run.tags)) for run in inside)
        case _:
            assert_never(block)


def _quote_tag(text: str) -> str:
    return "blockquote expandable" if units(text) > EXPANDABLE_ABOVE or text.count("\n") > 2 else "blockquote"


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
    from bot.latex.unicode import unicode_tex  # the TeX parser, 2 MB, comes with the first formula

    readable = unicode_tex(tex)
    if readable is not None:
        yield Run(clean(readable), tags, whole=True)
    else:
        yield Run(clean(" ".join(tex.split())), (*_quotes(tags), "code"), whole=True)


def _with(tags: tuple[str, ...], tag: str) -> tuple[str, ...]:
    """Return `tags` and `tag`, unless it is empty, already present, or a link inside a link."""
    if not tag or tag in tags or (tag.startswith("a ") and any(other.startswith("a ") for other in tags)):
        return tags
    return (*tags, tag)


def _quotes(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tags that may surround code."""
    return tuple(tag for tag in tags if tag.startswith("blockquote"))


def _anchor(url: str) -> str:
    """Return the opening tag of a link; empty for an address with another scheme."""
    address = openable(url)
    return f'a href="{escape(address)}"' if address else ""


def _stripped(found: Iterable[Run]) -> list[Run]:
    """Return the runs without empty ones and without blanks at both ends, which Telegram strips as well."""
    inside = [run for run in found if run.text]
    while inside and not inside[0].text.strip():
        inside.pop(0)
    while inside and not inside[-1].text.strip():
        inside.pop()
    if inside:
        inside[0] = inside[0]._replace(text=inside[0].text.lstrip())
        inside[-1] = inside[-1]._replace(text=inside[-1].text.rstrip())
    return inside


MAX_UNITS: Final = 4096  # Bot API: text of 1-4096 characters after entities parsing, here as UTF-16 units
MAX_ENTITIES: Final = 100  # the server drops further ones silently
_SENTENCE_END: Final = re.compile(r"[。！？；!?;](?=.)|[.] ", re.DOTALL)


def render_classic(message: Message) -> tuple[str, ...]:
    """Return the body of `message` as HTML pieces in order, each one sent as a message.

    Each has at most MAX_UNITS UTF-16 units and MAX_ENTITIES entities after parsing (limits of the Bot API).
    Cuts are at block borders, otherwise at line ends, after sentences or between characters; never inside a
    formula that fits in a message. An empty body returns no piece. The joined texts equal
    `plain(message.body)` except for the blanks at the cuts.
    """
    pieces: list[str] = []
    rest = runs(message.body)
    while rest := _stripped(rest):
        taken, rest = _take(rest)
        pieces.append(_html(_stripped(taken)))
    return tuple(pieces)


def _take(rest: list[Run]) -> tuple[list[Run], list[Run]]:
    """Return as many runs as one message can hold, cut at the best place, and the remaining ones."""
    room = MAX_UNITS
    entities = 0
    open_tags: tuple[str, ...] = ()
    for index, run in enumerate(rest):
        fresh = len(run.tags) - _shared(open_tags, run.tags)
        size = units(run.text)
        if size > room or entities + fresh > MAX_ENTITIES:
            # A run over the entity limit is cut before; a long one may be cut inside.
            inside = room if entities + fresh <= MAX_ENTITIES else 0
            return _cut(rest, index, inside)
        room -= size
        entities += fresh
        open_tags = run.tags
    return rest, []


def _cut(rest: list[Run], full: int, room: int) -> tuple[list[Run], list[Run]]:
    """Cut before or inside run `full`, of which `room` units fit, or earlier at a better place.

    A better place leaves at least a third: a title alone would be a poor first message.
    """
    sizes = [units(run.text) for run in rest[:full]]
    least = (sum(sizes) + min(room, units(rest[full].text))) // 3
    for index in range(full, 0, -1):
        if rest[index].border and sum(sizes[:index]) >= least:
            return rest[:index], rest[index + 1 :]
    for index in range(full, -1, -1):
        run = rest[index]
        if run.whole:
            continue
        end = fitting(run.text, room) if index == full else len(run.text)
        line_end = run.text.rfind("\n", 0, end)
        if (line_end > 0 or (line_end == 0 and index)) and sum(sizes[:index]) + line_end >= least:
            return _halves(rest, index, line_end)
    return _cut_line(rest, full, room)


def _cut_line(rest: list[Run], full: int, room: int) -> tuple[list[Run], list[Run]]:
    """Cut after a sentence or between characters of run `full`; before it if it is a whole run."""
    run = rest[full]
    end = fitting(run.text, room)
    if not run.whole:
        found = [match.end() for match in _SENTENCE_END.finditer(run.text, 0, end)]
        at = found[-1] if found and found[-1] > end // 2 else _unjoined(run.text, end)
        if at > 0:
            return _halves(rest, full, at)
    if full:
        return rest[:full], rest[full:]
    return _halves(rest, full, max(end, 1))


def _unjoined(text: str, end: int) -> int:
    """Return `end`, or a position a little before it, so that no emoji sequence is split."""
    at = end
    while 0 < at < len(text) and end - at < 16 and (text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"):
        at -= 1
    return at if at > 0 else end


def _halves(rest: list[Run], index: int, at: int) -> tuple[list[Run], list[Run]]:
    run = rest[index]
    first, second = run._replace(text=run.text[:at]), run._replace(text=run.text[at:])
    return [*rest[:index], first], [second, *rest[index + 1 :]]


def _html(piece: Sequence[Run]) -> str:
    parts: list[str] = []
    open_tags: tuple[str, ...] = ()
    for run in piece:
        shared = _shared(open_tags, run.tags)
        parts += [f"</{tag.split()[0]}>" for tag in reversed(open_tags[shared:])]
        parts += [f"<{tag}>" for tag in run.tags[shared:]]
        parts.append(escape(run.text, quote=False))
        open_tags = run.tags
    parts += [f"</{tag.split()[0]}>" for tag in reversed(open_tags)]
    return "".join(parts)


def _shared(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Return how many outermost tags two adjacent runs have in common."""
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def plain(body: Body) -> str:
    """Return `body` without markup; formulas in Unicode, or their source."""
    return "".join(run.text for run in runs(body))


def inline_text(children: Iterable[Inline]) -> str:
    return "".join(run.text for run in _inlines(children, ()))


def gap(before: Block, after: Block) -> str:
    """Return the line ends between two adjacent blocks.

    A heading is close to its text (a smaller one begins a new part), a display formula to its sentence, and
    a title of level 1 or 2 to the line above it.
    """
    match before, after:
        case Heading(level=above), Heading(level=below) if above < below:
            return "\n\n"
        case Heading(), _:
            return "\n"
        case _, Heading(level=level) if level <= 2:
            return "\n"
        case (DisplayFormula() | Quote(), _) | (_, DisplayFormula() | Quote()):
            return "\n"
        case Paragraph(), Items() | Preformatted():
            return "\n"
        case _:
            return "\n\n"


def label(item: Item) -> str:
    """Return the marker before a list item."""
    return f"{clean(item.label)}\u2002" if item.label is not None else "•\u2002"
