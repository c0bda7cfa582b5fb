"""Normal form of MathML: what a reader sees, without the engine's grouping, spacing and classes."""

import re
import unicodedata
from typing import Final
from xml.etree import ElementTree as ET

Form = str | tuple["Form", ...]

_GROUPS: Final = frozenset(
    ("mrow", "mstyle", "mpadded", "semantics", "math", "menclose", "merror", "span", "maction")
) | frozenset(("mo", "mi", "mn", "mtext"))
_SCRIPTS: Final = {
    "msub": "sub",
    "munder": "sub",
    "msup": "sup",
    "mover": "sup",
    "msubsup": "both",
    "munderover": "both",
}
_IGNORED: Final = frozenset(("annotation", "mspace", "mphantom", "none", "mprescripts"))
# Function application, invisible operators, spaces, and the variation selectors of alphabets.
_INVISIBLE: Final = re.compile("[\u2061-\u2064\u200b\u200c\ufe00-\ufe0f\\s\xa0]")
# Signs that engines write in two ways, depending on the macro.
_SAME: Final = str.maketrans({"∣": "|", "∥": "‖", "ˉ": "¯", "−": "-", "⋅": "·", "′": "'", "∼": "~", "ˆ": "^"})
_PLAIN_VARIANTS: Final = ("normal", "italic")


def normal_form(mathml: str) -> Form:
    """Return the tree of scripts, fractions, roots and tables, with the text of adjacent leaves merged."""
    source = mathml[mathml.index("<math") : mathml.rindex("</math>") + len("</math>")]
    source = source.replace("&nbsp;", "\xa0").replace("\x00", "")
    return tuple(_merged(_forms(ET.fromstring(source))))


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _forms(element: ET.Element) -> list[Form]:
    name = _name(element)
    if name in _IGNORED:
        return []
    if len(element) == 0:
        return _leaf("".join(element.itertext()), element.get("mathvariant", "normal"))
    if name in _GROUPS:
        return [form for child in element for form in _forms(child)]
    if name in _SCRIPTS:
        base, *scripts = (tuple(_merged(_forms(child))) for child in element)
        return _scripted(list(base), _SCRIPTS[name], scripts)
    if name == "mtable":
        return _table(element)
    return [(name, *(tuple(_merged(_forms(child))) for child in element))]


def _table(element: ET.Element) -> list[Form]:
    """Return the rows of a table, without empty cells at their ends; of one cell, its content alone."""
    rows: list[tuple[Form, ...]] = []
    for row in element:
        cells = [tuple(_merged([form for child in cell for form in _forms(child)])) for cell in row]
        if _name(row) == "mlabeledtr":
            cells = [*cells[1:], cells[0]]
        while cells and not cells[-1]:
            cells.pop()
        rows.append(tuple(cells))
    while any(rows) and not any(row[:1] and row[0] for row in rows):
        rows = [row[1:] for row in rows]
    if len(rows) == 1 and len(rows[0]) == 1:
        return list(rows[0][0])
    return [("table", *rows)]


def _scripted(base: list[Form], kind: str, scripts: list[tuple[Form, ...]]) -> list[Form]:
    """Return the base followed by its scripts, whichever of them is written inside the other."""
    marks = ("sub", "sup") if kind == "both" else (kind,)
    # Of broken source an engine may write more children than the element takes.
    found = [(mark, *script) for mark, script in zip(marks, scripts, strict=False) if script]
    return [*base, *found]


def _leaf(text: str, variant: str) -> list[Form]:
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).translate(_SAME)
    if not visible:
        return []
    return [visible if variant in _PLAIN_VARIANTS else f"‹{variant}:{visible}›"]


def _merged(forms: list[Form]) -> list[Form]:
    merged: list[Form] = []
    for form in forms:
        if isinstance(form, str) and merged and isinstance(before := merged[-1], str):
            merged[-1] = (before + form).replace("››", "›")
        else:
            merged.append(form)
    return [re.sub(r"›‹([\w-]+):", r"", form) if isinstance(form, str) else form for form in merged]
