"""Words inside a formula, as in \\text{…}: tokens become words, and mathematics between dollars its tree.

Knows tokens, not the grammar of formulas, which it is given.
"""

from collections.abc import Callable, Iterator

from bot.messages.tex import Node, Nodes, TexError, Words
from bot.messages.tex_names import WORDS
from bot.messages.tex_tokens import Token

_ESCAPES = {
    "%": "%",
    "#": "#",
    "_": "_",
    "$": "$",
    "&": "&",
    "{": "{",
    "}": "}",
    " ": " ",
    ",": " ",
    ";": " ",
    "\\": " ",
}
_ESCAPES |= {
    "quad": " ",
    "qquad": " ",
    "textasciitilde": "~",
    "ldots": "…",
    "-": "",
    "!": "",
    ":": " ",
    "/": "",
}


def words(found: list[Token], name: str, parse: Callable[[str], Nodes]) -> Iterator[Node]:
    """The words of `found` in the face `name`; raises TexError for what no client shows among words."""
    said = ""
    maths: list[Token] | None = None
    for token in found:
        if token.kind == "mathmode_inline":
            if maths is None:
                said += " " if token.before else ""
                maths = []
                continue
            if said:
                yield Words(said, name)
            said = ""
            yield from parse("".join(each.before + each.source + each.after for each in maths))
            maths = None
        elif maths is not None:
            maths.append(token)
        else:
            said += _said(token)
    if maths is not None:
        raise TexError("an open dollar")
    if said:
        yield Words(said, name)


def _said(token: Token) -> str:
    before = " " if token.before else ""
    match token.kind:
        case "char":
            return before + (" " if token.text == "~" else token.text)
        case "brace_open" | "brace_close":
            return before
        case "macro" if token.text in _ESCAPES:
            return before + _ESCAPES[token.text]
        case "macro" if token.text in WORDS:
            return before
        case _:
            raise TexError(f"out of place among words: {token.source}")
