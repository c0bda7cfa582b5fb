"""HTML parsing and conversion of elements to plain text lines with their TeX intact."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_CLOSING = re.compile(r"</[a-zA-Z][a-zA-Z0-9]*\s*>")
_ATTRIBUTES = r"(?:\s+[a-zA-Z:_-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*\s*/?"
_BLOCK_TAG = re.compile(
    r"<!--.*?-->|<(script|style|textarea|noscript)\b.*?</\1\s*>"
    r"|</?(?:p|div|h[1-6]|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|blockquote|pre|hr|figure|section|article|body|html)"
    rf"{_ATTRIBUTES}>",
    re.IGNORECASE | re.DOTALL,
)
_INLINE_TAGS = (
    "a|abbr|b|big|cite|code|del|em|font|i|img|ins|kbd|mark|q|s|small|span|strike|strong|sub|sup|tt|u"
)
_WHOLE_TAG = re.compile(rf"<(?:/(?:{_INLINE_TAGS})\s*|(?:{_INLINE_TAGS}){_ATTRIBUTES})>", re.IGNORECASE)
_OPENING = re.compile(
    rf"\$\$|\$|\\\(|\\\[|\\begin\{{(?P<name>[a-zA-Z]{{1,20}}\*?)\}}|{_WHOLE_TAG.pattern}", re.IGNORECASE
)
# `<` that a parser would take for the start of a tag, and that is none of HTML: of a formula out of step.
_NO_TAG = re.compile(r"<(?=/?[a-zA-Z])(?!/?(?:[abipqsu]|[a-z][a-z0-9:-]+)(?:[\s/>]|\Z))", re.IGNORECASE)
_CLOSINGS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
_LONGEST_INLINE = 500
_HEAD = re.compile(r"<head[\s>]", re.IGNORECASE)
_BODY = re.compile(r"</head\s*>|<body[\s>]", re.IGNORECASE)
_LESS_THAN = re.compile(r"<(?!/?br\b)", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_BLOCKS = frozenset(
    {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "dl", "table", "pre", "hr"}
    | {"figure", "section", "article"}
)
_LINES = frozenset(("li", "tr", "dt", "dd"))
_SILENT = frozenset(("script", "style", "noscript", "template", "iframe", "button", "form"))
_RENDERED = re.compile(r"\bMathJax|\bmjx-")


@dataclass(frozen=True, slots=True)
class Page:
    """Parsed tree of a page; `whole` is False where `</html>` is missing."""

    tree: LexborHTMLParser
    whole: bool

    def shows_all_of(self, node: LexborNode) -> bool:
        """Return whether `node` is complete: the page is whole, or another element follows."""
        return self.whole or _is_followed(node)


def parsed(html: str) -> Page:
    """Parse a page; of a cut one, only the part up to its last closed element."""
    whole = "</html" in html.lower()
    if not whole:
        closings = list(_CLOSING.finditer(html))
        html = html[: closings[-1].end()] if closings else ""
    from selectolax.lexbor import LexborHTMLParser  # 2 MB

    return Page(LexborHTMLParser(_with_safe_tex(html)), whole)


def fragment_lines(html: str) -> str:
    """Return the text of an HTML fragment as `lines` does."""
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(_with_safe_tex(html)).body
    return "" if body is None else lines(body)[0]


def one_line(node: LexborNode | None) -> str:
    """Return the text of a heading or link on one line; single blanks inside are kept."""
    return "" if node is None else _CONTROLS.sub("", re.sub(r"[\n\t]+", " ", node.text())).strip()


def _is_followed(node: LexborNode) -> bool:
    here: LexborNode | None = node
    while here is not None:
        sibling = here.next
        while sibling is not None:
            if sibling.is_element_node:
                return True
            sibling = sibling.next
        here = here.parent
    return False


def _with_safe_tex(page: str) -> str:
    """Escape `<` inside TeX, where only `<br>` is a tag, and elsewhere next to TeX where it begins none.

    TeX is searched in the text between two block tags only, never in the head, in a tag, a script or a
    comment; its delimiters are paired from left to right.
    """
    if "$" not in page and "\\" not in page:
        return page
    start = _body_start(page)
    pieces = [page[:start]]
    done = start
    for block in _BLOCK_TAG.finditer(page, start):
        pieces += (_safe_segment(page[done : block.start()]), block[0])
        done = block.end()
    pieces.append(_safe_segment(page[done:]))
    return "".join(pieces)


def _body_start(page: str) -> int:
    """Return where the body begins: behind the head, at the end of a page that was cut inside it."""
    head = _HEAD.search(page, 0, 3000)
    if head is None:
        return 0
    body = _BODY.search(page, head.end())
    return len(page) if body is None else body.end()


def _safe_segment(segment: str) -> str:
    if "<" not in segment or ("$" not in segment and "\\" not in segment):
        return segment
    pieces: list[str] = []
    done = at = 0
    missing: set[str] = set()
    while (opening := _OPENING.search(segment, at)) is not None:
        at = opening.end()
        sign = opening[0]
        if sign.startswith("<"):
            continue
        closing = _CLOSINGS.get(sign) or f"\\end{{{opening['name']}}}"
        end = -1 if closing in missing else segment.find(closing, at)
        if end < 0:
            missing.add(closing)
            continue
        if sign == "$" and not _is_inline(segment, at, end):
            continue
        end += len(closing)
        tex = segment[opening.start() : end]
        pieces += (_NO_TAG.sub("&lt;", segment[done : opening.start()]), _LESS_THAN.sub("&lt;", tex))
        done = at = end
    return "".join((*pieces, _NO_TAG.sub("&lt;", segment[done:])))


def _is_inline(segment: str, start: int, end: int) -> bool:
    """Return whether the text between two `$` is a formula: on one line, short, without a whole tag."""
    if not 0 < end - start <= _LONGEST_INLINE:
        return False
    return "\n" not in segment[start:end] and _WHOLE_TAG.search(segment, start, end) is None


def lines(root: LexborNode, without: str = "", omitted: Iterable[LexborNode] = ()) -> tuple[str, bool]:
    """Return the text below `root` up to `<!--more-->`, and whether that comment was found.

    Paragraphs are separated by a blank line, `<br>` is a line end, formulas are their TeX source. Elements
    that match the selector `without` and those in `omitted` are left out.
    """
    hidden = {node.mem_id for node in (*(root.css(without) if without else ()), *omitted)}
    pieces: list[str] = []
    # An explicit stack: the depth of a page is untrusted input.
    stack: list[LexborNode | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif node.is_comment_node and (node.comment_content or "").strip() == "more":
            return _tidied("".join(pieces)), True
        elif node.mem_id not in hidden and (following := _piece(node, pieces)) is not None:
            stack.append(following)
            child = node.last_child
            while child is not None:
                stack.append(child)
                child = child.prev
    return _tidied("".join(pieces)), False


def _piece(node: LexborNode, pieces: list[str]) -> str | None:
    """Append the text of the node itself; return the text after its children, None to skip them."""
    tag = node.tag or ""
    if node.is_text_node:
        text = _CONTROLS.sub("", node.text_content or "")
        pieces.append("\x00".join(part.strip(" \t") if "\n" in text else part for part in text.split("\n")))
    elif tag == "br":
        pieces.append("\n")
    elif tag == "script" and (node.attributes.get("type") or "").startswith("math/tex"):
        pieces.append(_tex(node))
    elif not node.is_element_node or _is_silent(node, tag):
        pass
    elif tag in _BLOCKS or tag in _LINES:
        around = "\n\n" if tag in _BLOCKS else "\n"
        pieces.append(around)
        return around
    else:
        return ""
    return None


def _is_silent(node: LexborNode, tag: str) -> bool:
    """Return whether a node is hidden: scripts, output of MathJax, the `#` anchor of a heading."""
    if tag in _SILENT or _RENDERED.search(node.attributes.get("class") or ""):
        return True
    return tag == "a" and node.text().strip() == "#"


def _tex(script: LexborNode) -> str:
    """Return the TeX that MathJax moved into a script, between its delimiters."""
    tex = script.text().strip()
    if "mode=display" not in (script.attributes.get("type") or ""):
        return f"${tex}$"
    return tex if tex.startswith("\\begin{") else f"$${tex}$$"


def _tidied(text: str) -> str:
    """Turn line ends of the source into blanks, except next to `<br>`, where Typecho writes one as well."""
    shown = (line.strip(" \t\xa0\x00") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub("\x00+", " ", "\n".join(shown))).strip()
