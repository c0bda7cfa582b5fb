"""Telegram's classic HTML on a terminal: titles bold, quotes dimmed, links underlined.

Knows the few tags that classic.py writes.
"""

from html.parser import HTMLParser

from rich.text import Text

Shown = Text

STYLES = {
    "b": "bold", "i": "italic", "code": "yellow", "pre": "yellow", "a": "underline", "blockquote": "dim",
}  # fmt: skip


def show_html(html: str, *, plain: bool = False) -> Shown:
    """The message as text for a terminal; `plain` without styles."""
    reader = _Reader(plain=plain)
    reader.feed(html)
    reader.close()
    reader.text.rstrip()
    return reader.text


class _Reader(HTMLParser):
    def __init__(self, *, plain: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.text = Text()
        self._plain = plain
        self._open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        style = "" if self._plain else " ".join(STYLES[tag] for tag in self._open if tag in STYLES)
        if "blockquote" in self._open:
            data = data.replace("\n", "\n\u258e ")
            if not self.text.plain or self.text.plain.endswith("\n"):
                data = "\u258e " + data
        self.text.append(data, style=style)
