"""Restoration of excerpts from the residue of extractors: escapes, line wraps, drawn formulas, macros.

Each writer of Markdown escapes TeX in its own way, so the dialect is detected once for the whole capture and
only its own escapes are undone (unescaping as CommonMark defines it would destroy `\\{` and `\\\\`).
"""

from __future__ import annotations

import html
import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.latex.definitions import Budget, Definitions

_HEADING = re.compile(r"\n#{1,6}[ ][^\n]")
_SETEXT = re.compile(r"\n[^\n]+\n(?:-{4,}|={4,})[ ]*(?=\n)")
_DOUBLED_NAME = re.compile(r"(?<!\\)\\\\[a-zA-Z]{2}")
_SINGLE_NAME = re.compile(r"(?<!\\)\\[a-zA-Z]{2}")
_DOUBLED_BRACE = re.compile(r"(?<!\\)\\\\[{}#()\[\]]|(?<!\\)\\\\\\[ ]*\n")
_ESCAPED_BRACE = re.compile(r"\\(?:begin|end|frac|text|sqrt|_)\\\{")
_TEX = re.compile(r"\\[a-zA-Z{}|\\,;:! ]")
_SINGLE_BRACE = re.compile(r"(?<!\\)\\[{}#]")
_ESCAPED_INDEX = re.compile(r"(?<!\\)(?:\\\\)*\\_(?=[{a-zA-Z0-9\\])")
_BARE_INDEX = re.compile(r"[a-zA-Z}]_[{a-zA-Z0-9]")
_ESCAPED_BRACKET = re.compile(r"\\[<~]|\$[^$\n]{0,80}\\\[[^$\n]{0,80}\\\][^$\n]{0,80}\$")
_ESCAPED_LESS = re.compile(r"(?<!\\)\\<")
_BARE_LESS = re.compile(r"(?<!\\)<")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#39|nbsp);")
_BARE_SIGN = re.compile(r"<|&(?!(?:lt|gt|amp|quot|#39|nbsp);)")
_DRAWN = re.compile(r"\n[\U0001d400-\U0001d7ff](?=\n)")
_NUMBERED_LINK = re.compile(
    r"\[(?:[0-9\s]{1,6}\](?:引用|点击阅读全文|阅读全文)"
    r"|(?:(?<=日[:：]\[)|(?<=日[:：][ \n]\[))[0-9]{1,4}\](?!\())"
)
_LINK_NUMBER = re.compile(r"\[\s*([0-9](?:\s?[0-9]){0,3})\s*\](?=[^\s(])")
_CITE, _MOST_HIDDEN = "引用", 2
_BEFORE_LINK = re.compile(r"\[(?:file|https?)://[^\s\[\]]+\](?=[^\s(])")
_BEHIND_ANY_LINK = re.compile(r"\s?\[((?:https?://|/|#)[^\s\[\]]*)\]")
_BRACKETED_LINK = re.compile(r"\[(?:(?:file|https?)://[^\s/\]]+)?/archives/[0-9]{1,9}\](?![(\[])")
_BEHIND_LINK = re.compile(r"(?<!\])[ ]+\((?:https?://[^\s()]+)?/archives/[0-9]{1,9}\)")
_HREF = re.compile(r"(?<!\])[ ]+\((?:https?://|/|\.\./|#)[^\s()]+\)")
_DIV = re.compile(r"(?m)^:{3,}.*$")
_SPAN = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\](?:\([^()\n]*\))?)*)\]\{[^{}\n]*\}")
_HEADING_ATTRIBUTES = re.compile(r"(?m)^(#{1,6}[ ].*?)[ ]*\{#[^{}\n]*\}$")
_DASHES = re.compile(r"(?<=[^\s-])(?:---)+(?=[^\s-])")
_TAGS = re.compile(r"</?(?:div|span|p|center|font|br|h[1-6]|[uo]l|li|blockquote|pre)(?:\s[^<>\n]*)?>")

_SAMPLE = 40_000
"""Characters of a capture by which its residue is detected."""

_Step = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Residue:
    """What the extractor of one capture left behind; `steps` undo it in an excerpt, in this order."""

    steps: tuple[_Step, ...] = ()

    def restored(self, excerpt: str) -> str:
        """Return `excerpt` without the residue."""
        for step in self.steps:
            excerpt = step(excerpt)
        return excerpt


def residue_of(text: str) -> Residue:
    """Detect the residue in a whole capture; its BibTeX block keeps its backslashes in every dialect."""
    text = text[:_SAMPLE].partition("@online{")[0]
    markdown = "](" in text or _HEADING.search(text) is not None or _SETEXT.search(text) is not None
    steps: list[_Step] = []
    if _DRAWN.search(text) is not None:
        steps.append(_join_drawn)
    if _is_wrapped(text):
        steps.append(_join_wrapped)
    if "&" in text and _ENTITY.search(text) is not None and _BARE_SIGN.search(text) is None:
        steps.append(html.unescape)
    if _BEHIND_LINK.search(text) is not None:
        steps.append(_without_hrefs)
    signs = _escaped_signs(text, markdown=markdown) if "\\" in text else None
    if markdown:  # before the escapes are undone: an escaped sign is text
        steps.append(_without_html2text if signs == _HTML2TEXT_SIGNS else _without_markdown)
    if signs is not None:
        steps.append(partial(_unescaped, signs=signs))
    return Residue(tuple(steps))


def without_link_numbers(text: str) -> str:
    """Return the text of a browser for terminals without the numbers of its links.

    They rise by one, but for those of hidden links; other numbers in brackets belong to the text.
    """
    if _NUMBERED_LINK.search(text) is None:
        return text
    due: int | None = None

    def stripped(found: re.Match[str]) -> str:
        nonlocal due
        number = int("".join(found[1].split()))
        line = text.rfind("\n", 0, found.start()) + 1
        if text.count("$", line, found.start()) % 2:
            return found[0]  # in a formula
        if due is None or due <= number <= due + _MOST_HIDDEN or text.startswith(_CITE, found.end()):
            due = number + 1
            return ""
        return found[0]

    return _LINK_NUMBER.sub(stripped, text)


def with_round_brackets(text: str) -> str:
    """Return a text with the addresses that stand in square brackets behind links in round ones."""
    if _BRACKETED_LINK.search(text) is None or "](" in text:
        return text
    return _BEHIND_ANY_LINK.sub(r" (\1)", _BEFORE_LINK.sub("", text))


def is_markdown_with_tags(text: str) -> bool:
    """Return whether a text is Markdown with block tags left in, not a page."""
    return "](" in text and "<a " not in text and _TAGS.match(text.lstrip()) is not None


def without_tags(text: str) -> str:
    """Return Markdown without the block tags that its writer left in."""
    return _TAGS.sub("", text)


# The signs before which a writer of Markdown puts a backslash.
_EVERY_SIGN = string.punctuation + "\n"
_HTML2TEXT_SIGNS = "\\`*_{}[]()#+.!-"
_TRAFILATURA_SIGNS = "_*<>~[]"


def _escaped_signs(text: str, *, markdown: bool) -> str | None:
    """Return the signs that the writer of a capture escapes, None if it escapes none."""
    if _DOUBLED_NAME.search(text) is not None and _SINGLE_NAME.search(text) is None:
        return _EVERY_SIGN
    if _ESCAPED_BRACE.search(text) is not None:
        return _HTML2TEXT_SIGNS
    if markdown and _DOUBLED_BRACE.search(text) is not None and _SINGLE_BRACE.search(text) is None:
        return _HTML2TEXT_SIGNS
    if markdown and _SINGLE_NAME.search(text) is None and _TEX.search(_formulas_of(text)) is None:
        return _EVERY_SIGN
    if _ESCAPED_INDEX.search(text) is not None and _BARE_INDEX.search(_formulas_of(text)) is None:
        return _TRAFILATURA_SIGNS if _ESCAPED_BRACKET.search(text) is not None else "_*"
    if _ESCAPED_LESS.search(text) is not None and _BARE_LESS.search(text) is None:
        return _TRAFILATURA_SIGNS
    return None


_FORMULA = re.compile(
    r"\$\$[^$]{1,2000}\$\$|\$[^$]{1,500}\$|\\begin\{([a-z]+\*?)\}.{0,3000}?\\end\{\1\}", re.DOTALL
)


def _formulas_of(text: str) -> str:
    return "\n".join(found[0] for found in _FORMULA.finditer(text))


_EMPTY = re.compile(r"\$\$\s*\$\$|(?<!\$)\$\s*\$(?!\$)|\\\(\s*\\\)|\\\[\s*\\\]")
_DEFINED = re.compile(
    _FORMULA.pattern.replace("500", "2000") + r"|\\\(.{0,2000}?\\\)|\\\[.{0,2000}?\\\]", re.DOTALL
)


def definitions_in(page: str) -> Definitions:
    """Return the macros that the formulas of a whole page define."""
    from bot.latex.definitions import collect, is_defining

    if not is_defining(page):
        return {}
    return collect(formula[0] for formula in _DEFINED.finditer(page))


def with_macros_expanded(excerpt: str, definitions: Definitions) -> str:
    """Return `excerpt` with macros expanded and without their definitions.

    A formula whose expansion is malformed or over the bounds is kept as it is.
    """
    if not definitions:
        return excerpt
    from bot.latex.definitions import Budget

    budget = Budget()
    expanded = _DEFINED.sub(lambda formula: _expanded(formula[0], definitions, budget), excerpt)
    return expanded.strip() if len(expanded) <= len(excerpt) + _MOST_EXPANDED else excerpt


def _expanded(formula: str, definitions: Definitions, budget: Budget) -> str:
    from bot.latex.definitions import expand
    from bot.latex.nodes import TexError

    try:
        tex = expand(formula, dict(definitions), budget)
    except TexError:
        return formula
    return "" if _EMPTY.fullmatch(tex) else tex


_MOST_EXPANDED = 1000
"""Maximum growth in characters of an excerpt by the expansion of its macros."""


def _unescaped(excerpt: str, signs: str) -> str:
    """Return `excerpt` without the backslashes before `signs`; a doubled one is one, where they escape it."""
    return re.sub(rf"\\([{re.escape(signs)}])", r"\1", excerpt)


_LINE_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[0-9]{1,3}\])")
_EMPHASIS = re.compile(
    r"(?<![A-Za-z0-9*_\\])(\*\*|__|\*|_)(?=[^\s*_])([^*_\n$]{1,200}?)(?<=[^\s*_\\])\1(?![A-Za-z0-9*_])"
)
_UNDERSCORES = re.compile(_EMPHASIS.pattern.replace(r"|\*|", "|"))
_LINE_MARK = re.compile(r"(?m)^(?:#{1,6}|>|[*+-](?=[ ]+\S))[ ]+")
_RULE = re.compile(r"(?m)^(?:-{3,}|={3,})[ ]*$\n?")
_FENCE = re.compile(r"(?m)^```[a-z]*[ ]*$\n?")


def outside_formulas(change: _Step, excerpt: str) -> str:
    """Apply `change` to the text between formulas only."""
    pieces: list[str] = []
    done = 0
    for formula in _FORMULA.finditer(excerpt):
        pieces += (change(excerpt[done : formula.start()]), formula[0])
        done = formula.end()
    return "".join((*pieces, change(excerpt[done:])))


def _without_markdown(excerpt: str) -> str:
    return outside_formulas(_plain_text, excerpt)


def _without_html2text(excerpt: str) -> str:
    """Strip the Markdown of html2text, which writes emphasis with `_` and keeps each `*` of the text."""
    return outside_formulas(lambda text: _plain_text(text, _UNDERSCORES), excerpt)


def _plain_text(text: str, emphasis: re.Pattern[str] = _EMPHASIS) -> str:
    for _ in range(2):  # an image may be inside a link
        text = _LINE_LINK.sub(lambda link: "" if link[0].startswith("!") else link[1], text)
    text = _RULE.sub("", _FENCE.sub("", text))
    return emphasis.sub(r"\2", _LINE_MARK.sub("", text))


def _without_hrefs(excerpt: str) -> str:
    return outside_formulas(lambda text: _HREF.sub("", text), excerpt)


def without_divs(text: str) -> str:
    """Return the Markdown of pandoc without its fences, attributes and typographic dashes."""
    text = _DIV.sub("", text)
    for _ in range(2):  # a span may be inside a span
        text = _SPAN.sub(r"\1", text)
    text = _HEADING_ATTRIBUTES.sub(r"\1", text)
    return _DASHES.sub(lambda dashes: "—" * (len(dashes[0]) // 3), text).replace("\\...", "...")


_WRAP_WIDTH = 80


def _width(line: str) -> int:
    return len(line) + sum(unicodedata.east_asian_width(sign) in "WF" for sign in line)


def _is_wrapped(text: str) -> bool:
    """Return whether a capture was wrapped at 80 columns: no line is wider, and many are nearly as wide."""
    lines = text.partition("\nReferences\n")[0].split("\n", 400)
    if sum(len(line) > _WRAP_WIDTH for line in lines) > len(lines) / 40:
        return False
    widths = [width for line in lines if (width := _width(line)) <= _WRAP_WIDTH]
    widest = max(widths, default=0)
    return 60 <= widest <= _WRAP_WIDTH and sum(width > widest - 3 for width in widths) >= 3


_LIST_ITEM = re.compile(r"[*+•◦▪□-][ ]|[0-9]{1,2}[、.）)]")


def _join_wrapped(excerpt: str) -> str:
    joined: list[str] = []
    wide = False
    for line in excerpt.split("\n"):
        if wide and line.strip() and _LIST_ITEM.match(line) is None:
            gap = " " if joined[-1][-1:].isascii() and line[:1].isascii() else ""
            joined[-1] += gap + line
        else:
            joined.append(line)
        wide = _width(line) > _WRAP_WIDTH - 20 and not line.endswith("\\\\")
    return "\n".join(joined)


def join_open_formulas(excerpt: str) -> str:
    """Join the lines of wrapped inline formulas: the first and the last have an odd number of `$`."""
    lines = excerpt.split("\n")
    odd = [line.count("$") % 2 == 1 for line in lines]
    joined: list[str] = []
    at = 0
    while at < len(lines):
        end = next((to for to in range(at + 1, min(at + 4, len(lines))) if odd[to]), at) if odd[at] else at
        joined.append(" ".join(lines[at : end + 1]))
        at = end + 1
    return "\n".join(joined)


def _join_drawn(excerpt: str) -> str:
    """Join the lines of a page after MathJax has drawn it, where each sign of a formula has its own line."""
    return "\n\n".join(_drawn_paragraph(part) for part in re.split(r"\n\s*\n", excerpt))


def _drawn_paragraph(paragraph: str) -> str:
    lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
    if sum(map(_is_sign, lines)) < 1:
        return "\n".join(lines)
    joined: list[str] = []
    after_sign = False
    for line in lines:
        sign = _is_sign(line)
        if joined and (sign or after_sign):
            joined[-1] += line
        else:
            joined.append(line)
        after_sign = sign
    return "\n".join(joined)


def _is_sign(line: str) -> bool:
    """Return whether a line is a sign of a drawn formula: one or two characters, a number or a label."""
    return (
        len(line) <= 2 or re.fullmatch(r"\((?:\?{3}|[0-9]{1,3})\)|[0-9.]{1,8}|[a-z]{2,6}", line) is not None
    )
