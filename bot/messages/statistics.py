"""Views of the blog in figures: posts by year, the most read, series over time."""

import datetime as dt
from dataclasses import dataclass

from bot.messages.i18n import Words
from bot.messages.post_lists import bar_chart, link_to
from bot.render.document import Block, Heading, Item, Items, Message, Paragraph, Text
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
        body += [Heading((Text(words.text("每年的文章")),), level=4), bar_chart(years, words)]
    if figures.most_read:
        read = (
            Item(
                (
                    link_to(post, (Text(one_line(post.title)),), words, bot),
                    Text(f"  {words.short_number(post.readers or 0)}"),
                ),
                label=str(place),
            )
            for place, post in enumerate(figures.most_read, 1)
        )
        body += [Heading((Text(words.text("读的人最多")),), level=4), Items(tuple(read))]
    if figures.series:
        grown = (Item((Text(_grown(one, words)),), label="·") for one in figures.series)
        body += [Heading((Text(words.text("系列更新历程")),), level=4), Items(tuple(grown))]
    return Message(body=tuple(body))


def _head(figures: Figures, words: Words) -> tuple[Block, ...]:
    text = words.count("已收录 {n} 篇文章", figures.posts) + words.count("、{n} 个系列", figures.series_count)
    if figures.readers:
        text += words.text("，累计阅读 {readers}", readers=words.short_number(figures.readers))
    return (Heading((Text(words.text("博客的数字")),)), Paragraph((Text(text + words.text("。")),)))


def _grown(series: SeriesGrowth, words: Words) -> str:
    first, last = series.days[0], series.days[-1]
    span = words.text(
        "{first} 至 {last}",
        first=words.month(first.year, first.month),
        last=words.month(last.year, last.month),
    )
    return f"{one_line(series.name)} · {words.count('{n} 篇', len(series.days))} · {span}"
