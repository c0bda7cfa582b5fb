"""A message in Telegram's classic HTML, cut into as few pieces as its limits allow.

Pure. Knows the limits and the escaping; which tags stand where is decided in runs.py.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Final

from bot.messages.characters import fitting, units
from bot.messages.document import Message
from bot.messages.plain import plain
from bot.messages.runs import Run, runs

MAX_UNITS: Final = 4096  # Bot API: text of 1-4096 characters after entities parsing, here as UTF-16 units
MAX_ENTITIES: Final = 100  # further ones are dropped without a word
_SENTENCE_END: Final = re.compile(r"[。！？；!?;](?=.)|[.] ", re.DOTALL)

__all__ = ["MAX_ENTITIES", "MAX_UNITS", "plain", "render_classic"]


def render_classic(message: Message) -> tuple[str, ...]:
    """The body of `message` as HTML pieces in order, each one to be sent as a message of its own.

    Each has at most MAX_UNITS UTF-16 units and MAX_ENTITIES entities after parsing (limits of the Bot API).
    Cuts are at borders of blocks, else at line ends, else after sentences, else between characters; never
    inside a formula that fits in a message. An empty body gives no piece. The texts together are
    `plain(message.body)` but for the blanks at the cuts.
    """
    pieces: list[str] = []
    rest = runs(message.body)
    while rest := _trimmed(rest):
        taken, rest = _take(rest)
        pieces.append(_html(_trimmed(taken)))
    return tuple(pieces)


def _take(rest: list[Run]) -> tuple[list[Run], list[Run]]:
    """As many runs as one message can hold, cut at the best place, and the others."""
    room = MAX_UNITS
    entities = 0
    open_tags: tuple[str, ...] = ()
    for index, run in enumerate(rest):
        fresh = len(run.tags) - _shared(open_tags, run.tags)
        size = units(run.text)
        if size > room or entities + fresh > MAX_ENTITIES:
            # A run with one entity too many is cut before; a long one may be cut inside.
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
    """Cut after a sentence or between characters of run `full`; before it, if it is not to be cut."""
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
    """`end`, or a little before it, so that no emoji or accent is parted from what it belongs to."""
    at = end
    while 0 < at < len(text) and end - at < 16 and (text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"):
        at -= 1
    return at if at > 0 else end


def _halves(rest: list[Run], index: int, at: int) -> tuple[list[Run], list[Run]]:
    run = rest[index]
    first, second = replace(run, text=run.text[:at]), replace(run, text=run.text[at:])
    return [*rest[:index], first], [second, *rest[index + 1 :]]


def _trimmed(piece: list[Run]) -> list[Run]:
    """Without the blanks at both ends, which Telegram would take away as well."""
    start, end = 0, len(piece)
    while start < end and not piece[start].text.strip():
        start += 1
    while end > start and not piece[end - 1].text.strip():
        end -= 1
    trimmed = piece[start:end]
    if trimmed:
        trimmed[0] = replace(trimmed[0], text=trimmed[0].text.lstrip())
        trimmed[-1] = replace(trimmed[-1], text=trimmed[-1].text.rstrip())
    return trimmed


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
    """How many outermost tags two neighbouring runs have in common."""
    shared = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        shared += 1
    return shared
