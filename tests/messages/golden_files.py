"""Messages as text to look at, and the golden files that hold how they should look.

`python -m tests.messages.golden_files` rewrites the golden files; read the difference before keeping it.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import assert_never

from bot.callbacks.codec import decode
from bot.messages.i18n import LANGUAGES, Words, words_for
from bot.render.document import (
    Block,
    Bold,
    Button,
    Code,
    DisplayFormula,
    Footer,
    Formula,
    Heading,
    Inline,
    Italic,
    Items,
    Link,
    Message,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.html import gap, label, plain, render_classic
from bot.render.rich import render_rich
from bot.text_sanitizer import units
from tests.tools.telegram_parser import parse_html

Scene = Callable[[Words], Message]
GOLDEN = Path(__file__).with_name("golden")
VIEWS = (
    "cards",
    "courses",
    "digests",
    "statistics",
    "help",
    "post_lists",
    "notices",
    "admin",
    "settings",
    "subscriptions",
)


def picture(message: Message) -> str:
    """The tree as marked text, then the buttons, one row a line."""
    rows = ("  ".join(_button(button) for button in row) for row in message.keyboard)
    return f"{_blocks(message.body)}\n\n" + "".join(f"{row}\n" for row in rows)


def check(view: str, name: str, scene: Scene, language: str) -> None:
    """The scene looks as its golden file says, Telegram reads it so, and can be given its buttons."""
    message = scene(words_for(language))
    check_keyboard(message)
    (html,) = render_classic(message)
    shown, _ = parse_html(html)
    assert "".join(shown.split()) == "".join(plain(message.body).split())
    assert render_rich(message) is not None
    assert picture(message) == _file(view, name, language).read_text(encoding="utf-8")


def check_keyboard(message: Message) -> None:
    """Limits of the Bot API: rows of 1-8 buttons, 100 in all, data of 1-64 bytes, 256 units to copy."""
    assert sum(len(row) for row in message.keyboard) <= 100
    for row in message.keyboard:
        assert 1 <= len(row) <= 8
        for button in row:
            assert button.text.strip()
            given = [button.action, button.url, button.copy, button.share, button.pick, button.web_app]
            assert sum(value is not None for value in given) == 1
            if button.action is not None:
                assert 1 <= len(button.action.encode()) <= 64
                assert decode(button.action) is not None
            if button.url is not None:
                assert button.url.startswith(("https://", "http://", "tg://"))
            if button.copy is not None:
                assert 1 <= units(button.copy) <= 256


def _blocks(blocks: Iterable[Block]) -> str:
    said = ""
    before: Block | None = None
    for block in blocks:
        said += (gap(before, block) if before is not None else "") + _block(block)
        before = block
    return said


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return _inlines(block.children)
        case Heading():
            return f"{'#' * block.level} {_inlines(block.children)}"
        case Footer():
            return f"_{_inlines(block.children)}_"
        case Items():
            return "\n".join(label(item) + _inlines(item.children) for item in block.items)
        case DisplayFormula():
            return f"$${block.tex}$$"
        case Preformatted():
            return f"```\n{block.text}\n```"
        case Quote():
            return "\n".join(f"> {line}" for line in _blocks(block.blocks).split("\n"))
        case _:
            assert_never(block)


def _inlines(children: Iterable[Inline]) -> str:
    return "".join(_inline(child) for child in children)


def _inline(child: Inline) -> str:
    match child:
        case Text():
            return child.text
        case Bold():
            return f"**{_inlines(child.children)}**"
        case Italic():
            return f"*{_inlines(child.children)}*"
        case Code():
            return f"`{child.text}`"
        case Formula():
            return f"${child.tex}$"
        case Link():
            return f"[{_inlines(child.children)}]({child.url})"
        case _:
            assert_never(child)


def _button(button: Button) -> str:
    picked = f"pick {button.pick.name.lower()}" if button.pick else "share"
    does = button.action or button.url or button.web_app or ("copy" if button.copy else picked)
    return f"[{button.text} → {does}]"


def _file(view: str, name: str, language: str) -> Path:
    return GOLDEN / f"{view}.{name.replace(' ', '-')}.{language}.txt"


def write() -> None:
    """Rewrite every golden file and delete those of removed scenes."""
    kept: set[Path] = set()
    for view in VIEWS:
        scenes: Mapping[str, Scene] = importlib.import_module(f"tests.messages.test_{view}").SCENES
        for name, scene in scenes.items():
            for language in LANGUAGES:
                file = _file(view, name, language)
                file.write_text(picture(scene(words_for(language))), encoding="utf-8")
                kept.add(file)
    for file in set(GOLDEN.iterdir()) - kept:
        file.unlink()


if __name__ == "__main__":
    write()
