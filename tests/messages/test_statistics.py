"""The figures as text, as a picture, and below one."""

import struct
from datetime import date

import pytest

from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.statistics import DOTS, HEIGHT, WIDTH, Figures, SeriesGrowth, can_draw, draw, stats, summary
from bot.render.html import plain
from bot.text_sanitizer import units
from tests.messages.golden_files import Scene, check
from tests.messages.posts import DDPM, LEAKY, post

needs_pictures = pytest.mark.skipif(not can_draw(), reason="the extra `pictures` is not installed")

FULL = Figures(
    posts=1_337,
    series_count=69,
    readers=12_345_678,
    years=tuple((year, (year * 7) % 90) for year in range(2009, 2027)),
    most_read=(DDPM, LEAKY),
    series=(
        SeriesGrowth(name="生成扩散模型漫谈", days=(date(2022, 6, 13), date(2022, 7, 6), date(2026, 5, 1))),
        SeriesGrowth(name="Transformer升级之路", days=(date(2021, 2, 3), date(2025, 7, 1))),
    ),
)
SCENES: dict[str, Scene] = {
    "text": lambda words: stats(FULL, words),
    "caption": lambda words: summary(FULL, words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("statistics", name, SCENES[name], language)


def test_a_series_within_one_month_names_the_month_once() -> None:
    shown = plain(stats(PICTURES["one day"], words_for("zh")).body)
    assert "两步走 · 2 篇 · 2024-05\n" in shown + "\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caption_fits_below_a_picture(language: str) -> None:
    assert units(plain(summary(FULL, words_for(language)).body)) <= 1024


PICTURES = {
    "full": FULL,
    "one post": Figures(posts=1, series_count=0, readers=0, years=((2024, 1),)),
    "no date": Figures(posts=1, series_count=0, readers=5, most_read=(post(1, "没有日期", readers=5),)),
    "one day": Figures(
        posts=2,
        series_count=1,
        readers=0,
        series=(SeriesGrowth(name="两步走", days=(date(2024, 5, 1), date(2024, 5, 1))),),
    ),
    "odd titles": Figures(
        posts=4,
        series_count=0,
        readers=4,
        most_read=(
            post(1, "$\\frac{1}{2$ 和 $x_$", readers=1),
            post(2, "🙂 \u202eעברית\u202c \x01", readers=1),
            post(3, "长" * 10_000, readers=1),
            post(4, "\ufffd\U000e0001", readers=1),
        ),
    ),
}


def _size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@needs_pictures
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PICTURES)
def test_it_is_drawn(name: str, language: str) -> None:
    assert _size(draw(PICTURES[name], language)) == (round(WIDTH * DOTS), round(HEIGHT * DOTS))


@needs_pictures
def test_the_languages_differ_and_the_same_is_drawn_once() -> None:
    assert draw(FULL, "zh") != draw(FULL, "en")
    assert draw(FULL, "zh") is draw(FULL, "zh")


@needs_pictures
def test_it_is_small_enough_to_be_sent_at_once() -> None:
    assert len(draw(FULL, "zh")) < 400_000
