"""HTML becomes nodes and nodes become plain lines with their TeX untouched. Knows no page of the blog."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

_CLOSING = re.compile(r"</[a-zA-Z][a-zA-Z0-9]*\s*>")
_DOLLARS = re.compile(r"\$[^$>\n]{1,500}\$")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-zA-Z]{1,20}\*?)\}")
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
    """The tree of a page; `whole` is False where its end is missing."""

    tree: LexborHTMLParser
    whole: bool

    def shows_all_of(self, node: LexborNode) -> bool:
        """Whether this element is surely complete: the page is, or goes on after it."""
        return self.whole or _is_followed(node)


def parsed(html: str) -> Page:
    """A page that lacks its end was cut: nothing after its last closed element is taken."""
    whole = "</html" in html.lower()
    if not whole:
        closings = list(_CLOSING.finditer(html))
        html = html[: closings[-1].end()] if closings else ""
    return Page(LexborHTMLParser(_with_safe_tex(html)), whole)


def fragment_lines(html: str) -> str:
    """The text of a piece of HTML: see `lines`."""
    body = LexborHTMLParser(_with_safe_tex(html)).body
    return "" if body is None else lines(body)[0]


def one_line(node: LexborNode | None) -> str:
    """The text of a heading or link on one line, blanks inside it kept where they are single."""
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


def _with_safe_tex(html: str) -> str:
    """`$a<b$` opens no element: inside TeX only `<br>` is a tag."""
    if "$" in html:
        html = _DOLLARS.sub(lambda tex: _LESS_THAN.sub("&lt;", tex[0]), html)
    if "\\begin{" not in html:
        return html
    pieces: list[str] = []
    done = 0
    opening: re.Match[str] | None = None
    for mark in _ENVIRONMENT.finditer(html):
        if mark[1] == "begin":
            opening = opening or mark
        elif opening is not None and opening[2] == mark[2]:
            tex = html[opening.start() : mark.end()]
            pieces += (html[done : opening.start()], _LESS_THAN.sub("&lt;", tex))
            done, opening = mark.end(), None
    return "".join((*pieces, html[done:]))


def lines(root: LexborNode, without: str = "") -> tuple[str, bool]:
    """The text below a node down to `<!--more-->`, and whether that was there.

    Paragraphs are apart by a blank line, `<br>` is a line end, formulas are their TeX. Elements that match
    the selector `without` are left out.
    """
    hidden = {node.mem_id for node in root.css(without)} if without else set()
    pieces: list[str] = []
    # No recursion: the depth of a page is not ours to trust.
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
    """Adds what a node itself shows; what follows its children, or None if they are not to be shown."""
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
    """Scripts, what MathJax renders beside the source, and the `#` that a heading links to itself."""
    if tag in _SILENT or _RENDERED.search(node.attributes.get("class") or ""):
        return True
    return tag == "a" and node.text().strip() == "#"


def _tex(script: LexborNode) -> str:
    """What MathJax moved into a script goes back between its delimiters."""
    tex = script.text().strip()
    if "mode=display" not in (script.attributes.get("type") or ""):
        return f"${tex}$"
    return tex if tex.startswith("\\begin{") else f"$${tex}$$"


def _tidied(text: str) -> str:
    """A line end of the source is a blank, except beside a `<br>`, where Typecho writes one as well."""
    shown = (line.strip(" \t\xa0\x00") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub("\x00+", " ", "\n".join(shown))).strip()
