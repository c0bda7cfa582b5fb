"""Generator of the traditional Chinese catalogue: `python -m tests.tools.traditional`.

Converts the Chinese catalogue, the descriptions of the commands and the weekdays by OpenCC (s2tw, the
characters of Taiwan). The reviewed words of traditional.toml differ in more than their script and go ahead.
"""

import io
import re
import tomllib
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from opencc import OpenCC

from bot.messages.commands import COMMANDS
from bot.messages.i18n import DAYS, DOMAIN, catalogue_file
from bot.messages.reasons import REASONS

WORDS = Path(__file__).with_suffix(".toml")
SOURCE, TARGET = catalogue_file("zh"), catalogue_file("zh-hant")
TEN_THOUSAND = "万"
_PLACE = re.compile(r"\{[^{}]*\}")


def converter() -> "Converter":
    """Return the converter with the reviewed words."""
    return Converter(tomllib.loads(WORDS.read_text(encoding="utf-8"))["words"])


class Converter:
    """Conversion of sentences; OpenCC gets neither places such as {name} nor the reviewed words."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        longest_first = sorted(words, key=len, reverse=True)
        self._fixed = re.compile("|".join([_PLACE.pattern, *map(re.escape, longest_first)]))
        self._opencc = OpenCC("s2tw")

    def convert(self, text: str) -> str:
        """Return `text` in traditional Chinese."""
        pieces, done = [], 0
        for found in self._fixed.finditer(text):
            pieces += [self._opencc.convert(text[done : found.start()]), self._words.get(found[0], found[0])]
            done = found.end()
        return "".join([*pieces, self._opencc.convert(text[done:])])


def sources() -> list[str | tuple[str, ...]]:
    """Return the message ids of the catalogue, then the texts that other modules declare."""
    with SOURCE.open("rb") as given:
        catalogue = read_po(given, locale="zh")
    ids = [
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in catalogue
        if message.id
    ]
    known = {each if isinstance(each, str) else each[0] for each in ids}
    return [*ids, *(text for text in declared() if text not in known)]


def declared() -> list[str]:
    """Return the Chinese texts that are no message ids: commands, weekdays, the unit of numbers, reasons."""
    texts = [text for command in COMMANDS for text in (command.zh, command.arguments[0]) if text]
    return list(dict.fromkeys([*texts, *DAYS, TEN_THOUSAND, *REASONS.values()]))


def generate() -> bytes:
    """Return the catalogue as a .po file."""
    convert = converter().convert
    made = Catalog(
        locale="zh_Hant", domain=DOMAIN, fuzzy=False, header_comment="# Generated: tests/tools/traditional.py"
    )
    for each in sources():
        if isinstance(each, str):
            made.add(each, convert(each))
        else:
            made.add(each, (convert(each[0]),))
    written = io.BytesIO()
    write_po(written, made, width=0, sort_output=False, omit_header=False)
    lines = written.getvalue().decode().splitlines(keepends=True)
    dated = (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Generated-By",
        "Last-Translator",
        "Language-Team",
        "Report-Msgid",
    )
    return "".join(
        line for line in lines if not line.startswith(tuple(f'"{name}' for name in dated))
    ).encode()


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(generate())
