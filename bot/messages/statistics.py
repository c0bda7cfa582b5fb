"""Views of the blog in figures: posts by year, the most read, series over time, as text and as a PNG.

matplotlib and a font with Chinese are an extra of the package (`pictures`), the font also a package of
Debian: without them nothing is drawn.
"""

import datetime as dt
import io
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bot.messages.elements import heading, item, items, paragraph
from bot.messages.i18n import Words, words_for
from bot.messages.post_lists import after, bar_chart, link_to
from bot.messages.scope_pages import span_text
from bot.render.document import Block, Items, Message
from bot.text_sanitizer import one_line
from storage.model import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesGrowth:
    """A series and the dates of its stored episodes, oldest first."""

    name: str
    days: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`years` are (year, posts), oldest first and without holes; `series` are the longest ones."""

    posts: int
    series_count: int
    readers: int
    years: tuple[tuple[int, int], ...] = ()
    most_read: tuple[Post, ...] = ()
    series: tuple[SeriesGrowth, ...] = ()


def summary(figures: Figures, words: Words) -> Message:
    """Return the two lines below the picture."""
    return Message(body=_head(figures, words))


def stats(figures: Figures, words: Words, *, bot: str | None = None) -> Message:
    """Return all figures as text, for where there is no picture."""
    body: list[Block] = [*_head(figures, words)]
    if figures.years:
        years = [(str(year), posts) for year, posts in reversed(figures.years) if posts]
        body += [heading(words.text("每年的文章"), level=4), bar_chart(years, words)]
    if figures.most_read:
        read = (
            item(link_to(post, words, bot), after(words.short_number(post.readers or 0)), label=str(place))
            for place, post in enumerate(figures.most_read, 1)
        )
        body += [heading(words.text("读的人最多"), level=4), items(read)]
    if figures.series:
        grown = tuple(item(_grown(one, words)) for one in figures.series)
        body += [heading(words.text("系列更新历程"), level=4), Items(grown)]
    return Message(body=tuple(body))


def _head(figures: Figures, words: Words) -> tuple[Block, ...]:
    text = words.count("已收录 {n} 篇文章", figures.posts) + words.count("、{n} 个系列", figures.series_count)
    if figures.readers:
        text += words.text("，累计阅读 {readers}", readers=words.short_number(figures.readers))
    return (heading(words.text("博客的数字")), paragraph(text + words.text("。")))


def _grown(series: SeriesGrowth, words: Words) -> str:
    first, last = series.days[0], series.days[-1]
    span = span_text(((first.year, first.month), (last.year, last.month)), words)
    return f"{one_line(series.name)} · {words.count('{n} 篇', len(series.days))} · {span}"


WIDTH, HEIGHT, DOTS = 7.2, 11.0, 150  # inches and dots an inch: 1080 x 1650
LONGEST_TITLE: Final = 26  # characters of a title next to its bar
_INK, _FAINT, _PAPER = "#23302b", "#6f7b75", "#fbfbf8"
_HUES: Final = ("#2f7d6b", "#c2703d", "#4a6fa5", "#9a5b8f", "#7c8a2e")
_FONTS: Final = "manimgx_fonts_cjk"
_DEBIAN: Final = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")  # fonts-wqy-microhei, in the image


def can_draw() -> bool:
    """Return whether matplotlib and a font with Chinese are installed."""
    return find_spec("matplotlib") is not None and (find_spec(_FONTS) is not None or _DEBIAN.exists())


@lru_cache(maxsize=4)
def draw(figures: Figures, language: str) -> bytes:
    """Return the picture, with texts in `language`. Takes about a second; needs `can_draw`."""
    from matplotlib.figure import Figure

    words = words_for(language)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS, facecolor=_PAPER)
    years, read, grown = figure.subplots(
        3, 1, gridspec_kw={"height_ratios": (3, 4, 3.4), "hspace": 0.32, "left": 0.07, "right": 0.95,
                           "top": 0.955, "bottom": 0.04},
    )  # fmt: skip
    _draw_years(years, figures.years, words)
    _draw_most_read(read, figures.most_read, words)
    _draw_series(grown, figures.series, words)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=_PAPER)
    return out.getvalue()


def _draw_years(axes: Any, years: tuple[tuple[int, int], ...], words: Words) -> None:
    _begin(axes, words.text("每年的文章"))
    most = max((posts for _, posts in years), default=1)
    axes.bar([year for year, _ in years], [posts for _, posts in years], width=0.72, color=_HUES[0])
    axes.set_ylim(0, most * 1.15)
    step = max(1, -(-len(years) // 10))
    for place, (year, posts) in enumerate(years):
        if posts:
            _write(axes, year, posts + most * 0.02, words.number(posts), size=8.5, ha="center", va="bottom")
        if (len(years) - 1 - place) % step == 0:
            _write(axes, year, -most * 0.03, str(year), size=9, color=_FAINT, ha="center", va="top")


def _draw_most_read(axes: Any, posts: tuple[Post, ...], words: Words) -> None:
    _begin(axes, words.text("读的人最多"))
    most = max((post.readers or 0 for post in posts), default=1)
    for place, post in enumerate(posts):
        readers = post.readers or 0
        axes.barh(-place + 0.02, readers, height=0.3, color=_HUES[2])
        _write(axes, 0, -place + 0.24, _short(post.title), size=9.5, va="bottom")
        number = words.short_number(readers)
        _write(axes, readers + most * 0.012, -place, number, size=9, color=_FAINT, va="center")
    axes.set_xlim(0, most * 1.12)
    axes.set_ylim(-len(posts) + 0.6, 0.75)


def _draw_series(axes: Any, series: tuple[SeriesGrowth, ...], words: Words) -> None:
    """Draw a step for each episode, with the names at the ends of the lines."""
    _begin(axes, words.text("系列更新历程"))
    if not series:
        return
    first = min(one.days[0] for one in series)
    last = max(one.days[-1] for one in series)
    most = max(len(one.days) for one in series)
    span = max(1, (last - first).days)
    for place, (one, hue) in enumerate(zip(series, _HUES, strict=False)):
        days = [(day - first).days for day in one.days]
        axes.step([*days, span], [*range(1, len(days) + 1), len(days)], where="post", color=hue, linewidth=2)
        said = f"{one_line(one.name)}  {words.number(len(days))}"
        _write(axes, span * 0.02, most * (1.12 - 0.11 * place), said, size=10, color=hue, va="top")
    for year in range(first.year + 1, last.year + 1):
        at = (dt.date(year, 1, 1) - first).days
        axes.axvline(at, color=_FAINT, alpha=0.18, linewidth=0.8)
        if (last.year - year) % max(1, (last.year - first.year) // 8) == 0:
            _write(axes, at, -most * 0.03, str(year), size=9, color=_FAINT, ha="center", va="top")
    axes.set_xlim(0, span * 1.01)
    axes.set_ylim(0, most * 1.2)


def _begin(axes: Any, title: str) -> None:
    """Set up a panel with a title and no frame."""
    axes.set_facecolor(_PAPER)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    _write(axes, 0, 1.03, title, size=13, bold=True, transform=axes.transAxes, va="bottom")


def _write(
    axes: Any,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str = _INK,
    bold: bool = False,
    **more: Any,
) -> None:
    """Write text, never parsed as mathematics, with thicker strokes than the font's."""
    from matplotlib.patheffects import withStroke

    stroke = withStroke(linewidth=size * (0.075 if bold else 0.045), foreground=color)
    more |= {"font": _font(), "parse_math": False, "path_effects": [stroke]}
    axes.text(x, y, _drawable(text), size=size, color=color, **more)


def _short(title: str) -> str:
    line = one_line(title)
    return line if len(line) <= LONGEST_TITLE * 1.5 else f"{line[: int(LONGEST_TITLE * 1.5) - 1]}…"


def _drawable(text: str) -> str:
    """Return the text without the characters that the font lacks."""
    from matplotlib.font_manager import get_font

    font = get_font(str(_font()))
    return "".join(sign for sign in text if sign == " " or font.get_char_index(ord(sign)))


@cache
def _font() -> Path:
    if find_spec(_FONTS) is None:
        return _DEBIAN
    return next(
        Path(str(found)) for found in files(_FONTS).iterdir() if found.name.endswith((".ttc", ".otf"))
    )
