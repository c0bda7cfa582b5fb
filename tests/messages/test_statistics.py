"""The figures as text, where no picture is sent, and below one."""

import pytest

from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.statistics import stats, summary
from bot.render.plain import plain
from bot.text_sanitizer import units
from tests.messages.golden_files import Scene, check
from tests.messages.test_charts import FULL

SCENES: dict[str, Scene] = {
    "text": lambda words: stats(FULL, words),
    "caption": lambda words: summary(FULL, words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("statistics", name, SCENES[name], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caption_fits_below_a_picture(language: str) -> None:
    assert units(plain(summary(FULL, words_for(language)).body)) <= 1024
