"""Simulated years of a blog, and the captures that different tools take of it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from html import escape

from bot.titles import flatten
from storage.model import Dump

START = date(2024, 1, 1)
TOPICS = ("谱范数", "注意力", "扩散过程", "最速下降", "变分下界", "位置编码", "低秩近似", "概率分布", "流形")
VERBS = ("的一个估计", "与几何直观", "为什么有效", "的另一种推导", "可以更简单", "的若干反例", "浅探")
SERIES = ("示例漫谈", "随手记录", "测试之路")
NUMERALS = "一二三四五六七八九十"
PAGE = 10  # posts of a listing and of the feed


@dataclass(frozen=True, slots=True)
class BlogPost:
    """One post of the simulated blog; from `edited_at` on its title is `edited`."""

    archive_id: int
    title: str
    day: date
    excerpt: str
    edited: str | None = None
    edited_at: datetime | None = None

    @property
    def published_at(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 2, tzinfo=UTC)

    def title_at(self, at: datetime) -> str:
        edited = self.edited is not None and self.edited_at is not None and at >= self.edited_at
        return self.edited if edited and self.edited is not None else self.title

    def readers_at(self, at: datetime) -> int:
        return 20 + int((at - self.published_at) / timedelta(minutes=40))


@dataclass(frozen=True, slots=True)
class Year:
    """The posts of a year, oldest first, and its dumps in the order in which they land."""

    posts: tuple[BlogPost, ...]
    dumps: tuple[Dump, ...]
    shown: frozenset[int]  # the archive ids of the posts that any dump shows


def simulate(seed: int, *, dumps: int = 40) -> Year:
    """Return a year of about fifty posts; a third of the titles is edited, dumps land out of order."""
    rng = random.Random(seed)
    posts = tuple(_posts(rng))
    captures: list[tuple[float, Dump, set[int]]] = []
    first = posts[PAGE].published_at + timedelta(hours=1)
    span = posts[-1].published_at + timedelta(days=30) - first
    for number in range(dumps):
        at = first + (span * rng.random() if number else timedelta())
        tool = rng.choice((_listing, _listing, _archive_page, _feed)) if number else _listing
        there = [post for post in reversed(posts) if post.published_at <= at]
        content, seen = tool(there, at, rng)
        late = rng.expovariate(1 / 5) if rng.random() < 0.3 and number else 0.0  # days until it lands
        name = f"{number:03}-{tool.__name__.strip('_')}"
        captures.append(
            (
                (at - first) / timedelta(days=1) + late,
                Dump(name=name, content=content.encode(), captured_at=at),
                {post.archive_id for post in seen},
            )
        )
    captures.sort(key=lambda capture: capture[0])
    return Year(
        posts=posts,
        dumps=tuple(dump for _, dump, _ in captures),
        shown=frozenset(number for _, _, seen in captures for number in seen),
    )


def _posts(rng: random.Random) -> Iterator[BlogPost]:
    day, number = START, 9000
    episodes = dict.fromkeys(SERIES, 0)
    for at in range(52):
        day += timedelta(days=rng.choice((0, 1, 3, 6, 7, 8, 9, 12)))
        number += rng.randint(1, 9)
        series = rng.choice(SERIES)
        if rng.random() < 0.3 and episodes[series] < len(NUMERALS):
            title = f"{series}（{NUMERALS[episodes[series]]}）：{rng.choice(TOPICS)}{rng.choice(VERBS)}"
            episodes[series] += 1
        else:
            title = f"{rng.choice(TOPICS)}{rng.choice(VERBS)}：第{at}则"
        excerpt = f"第{at}篇正文从{rng.choice(TOPICS)}说起，" + "".join(
            rng.choice(TOPICS) + rng.choice(VERBS) + "，" for _ in range(rng.randint(6, 12))
        )
        edited = edited_at = None
        if rng.random() < 1 / 3:
            edited = rng.choice(
                (title + "（修订）", f"改过的题目{at}：{rng.choice(TOPICS)}", title[:-1] + "？")
            )
            edited_at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC) + timedelta(
                days=rng.expovariate(1 / 10)
            )
        yield BlogPost(number, title, day, excerpt, edited, edited_at)


Captured = tuple[str, Sequence[BlogPost]]


def _listing(there: Sequence[BlogPost], at: datetime, rng: random.Random) -> Captured:
    seen = there[:PAGE]
    shown = [
        f"{flatten(post.title_at(at))}\nBy 苏剑林 | {post.day} | {post.readers_at(at)}位读者 | "
        f"引用{flatten(post.excerpt)}\n"
        for post in seen
    ]
    return "".join(shown) + "最近评论", seen


def _archive_page(there: Sequence[BlogPost], at: datetime, rng: random.Random) -> Captured:
    lines = [
        f'<li>{post.day:%d}日: <a href="https://kexue.fm/archives/{post.archive_id}">{escape(post.title_at(at))}</a>'
        f' (<a href="https://kexue.fm/archives/{post.archive_id}#PostComment">{rng.randint(0, 9)}</a>)</li>'
        for post in there
    ]
    months: dict[tuple[int, int], list[str]] = {}
    for post, line in zip(there, lines, strict=True):
        months.setdefault((post.day.year, post.day.month), []).append(line)
    years: dict[int, list[str]] = {}
    for (year, month), found in months.items():
        years.setdefault(year, []).append(
            f"<li><span>{month:02}月</span><ul>\n" + "\n".join(found) + "</ul></li>"
        )
    body = "".join(
        f"<h3>{year}年 (共{len(found)}篇)</h3><ul>{''.join(found)}</ul>" for year, found in years.items()
    )
    head = "<!DOCTYPE html><html><head><title>归档 - 科学空间|Scientific Spaces</title></head><body>"
    return f"{head}{body}</body></html>", there


def _feed(there: Sequence[BlogPost], at: datetime, rng: random.Random) -> Captured:
    seen = there[:PAGE]
    items = [
        f"<item><title>{escape(escape(post.title_at(at)))}</title>"
        f"<link>https://kexue.fm/archives/{post.archive_id}</link>"
        f"<pubDate>{format_datetime(post.published_at)}</pubDate>"
        f"<description><![CDATA[{post.excerpt[:97]}...]]></description></item>"
        for post in seen
    ]
    head = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
    return f"{head}<title>科学空间|Scientific Spaces</title>{''.join(items)}</channel></rss>", seen
