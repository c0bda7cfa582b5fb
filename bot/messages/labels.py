"""The numbers of formulas: which \\label got which, and what a reference to it shows.

Knows scanned stretches, not blocks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.messages.scanning import Kind, Stretch

_LABEL: Final = re.compile(r"\\label\s*\{([^{}]*)\}")
_TAG: Final = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_REFERENCE: Final = re.compile(r"\\(?:eq)?ref\s*\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Numbers by key, and the keys that are referred to."""

    numbers: dict[str, str]
    wanted: frozenset[str]

    def shown(self, key: str) -> str:
        """What stands for a reference: "(1)"; the key without its prefix where the formula is not here."""
        return f"({self.numbers.get(key) or key.rpartition(':')[2] or '…'})"


def labels_of(found: Iterable[Stretch]) -> Labels:
    """The labels of all display formulas, counted in order; a \\tag beside one goes before its number."""
    numbers: dict[str, str] = {}
    wanted: set[str] = set()
    for stretch in found:
        match stretch.kind:
            case Kind.REFERENCE:
                wanted.add(stretch.text)
            case Kind.INLINE | Kind.DISPLAY:
                wanted.update(key.strip() for key in _REFERENCE.findall(stretch.text))
            case Kind.TEXT | Kind.BROKEN:
                continue
        if stretch.kind is Kind.DISPLAY:
            for row in stretch.text.split(r"\\"):
                tag = _TAG.search(row)
                for key in _LABEL.findall(row):
                    numbers.setdefault(key.strip(), tag.group(1) if tag else str(len(numbers) + 1))
    return Labels(numbers, frozenset(wanted))


def resolved(tex: str, labels: Labels) -> str:
    """`tex` without labels and references: a label that is referred to becomes a \\tag with its number."""
    if r"\label" not in tex and "ref" not in tex:
        return tex
    tex = _LABEL.sub(lambda found: _tag(found.group(1).strip(), tex, labels), tex)
    return _REFERENCE.sub(lambda found: rf"\text{{{labels.shown(found.group(1).strip())}}}", tex).strip()


def _tag(key: str, tex: str, labels: Labels) -> str:
    if key not in labels.wanted or _TAG.search(tex):
        return ""
    return rf"\tag{{{labels.numbers.get(key, '')}}}"
