"""The preview page: exactly what would be sent, without a network."""

import re
from html.parser import HTMLParser

import pytest

from bot.messages.i18n import LANGUAGES, words_for
from bot.preview.html import Shot, bubble, page
from bot.render import render
from storage.model import Form
from tests.messages import test_cards, test_digests, test_help, test_notices, test_post_lists, test_settings
from tests.messages.golden_files import Scene

SCENES: dict[str, Scene] = {
    f"{module.__name__.rsplit('_', 1)[-1]} {name}": scene
    for module in (test_cards, test_digests, test_help, test_post_lists, test_notices, test_settings)
    for name, scene in module.SCENES.items()
}
WITH_FORMULAS = "cards full"


class _Balance(HTMLParser):
    """Notes the text and every tag that is closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(html: str) -> _Balance:
    reader = _Balance()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("form", [Form.RICH, Form.CLASSIC])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_every_kind_of_message_is_laid_out(name: str, language: str, form: Form) -> None:
    message = SCENES[name](words_for(language))
    shown = _read(bubble(render(message, form)))
    assert (shown.open, shown.wrong) == ([], [])
    for row in message.keyboard:
        for button in row:
            assert button.text in shown.text


def _page(name: str) -> str:
    return page([Shot(name=name, message=SCENES[name](words_for("zh")))], title=name)


def test_a_page_with_formulas_sets_them_by_itself() -> None:
    shown = _page(WITH_FORMULAS)
    assert '<div class="tex" data-display="1">' in shown
    assert "katex.render" in shown
    assert not re.search(r"<(script|link)[^>]* (src|href)=", shown)
    assert not re.search(r"url\((?!data:)", shown)


def test_a_page_without_formulas_carries_no_typesetter() -> None:
    assert "katex" not in _page("help help")


def test_both_forms_stand_side_by_side() -> None:
    shown = _page(WITH_FORMULAS)
    assert shown.index('class="bubble rich"') < shown.index('class="bubble classic"')
