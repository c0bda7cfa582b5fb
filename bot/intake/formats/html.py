"""HTML parsing and conversion of elements to plain text lines with their TeX intact."""

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
    return Page(LexborHTMLParser(_with_safe_tex(html)), whole)


def fragment_lines(html: str) -> str:
    """Return the text of an HTML fragment as `lines` does."""
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


def _with_safe_tex(html: str) -> str:
    """Escape `<` inside TeX, where only `<br>` is a tag."""
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
    """Return the text below `root` up to `<!--more-->`, and whether that comment was found.

    Paragraphs are separated by a blank line, `<br>` is a line end, formulas are their TeX source. Elements
    that match the selector `without` are left out.
    """
    hidden = {node.mem_id for node in root.css(without)} if without else set()
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
