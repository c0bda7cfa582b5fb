"""A few invented posts, and how each kind of page shows them: what the property tests interleave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from bot.titles import flatten
from storage.model import Layout, Post, PostId, Sighting

START = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Truth:
    """One post of the blog as it really is; `before` is its title until it was edited."""

    archive_id: int
    title: str
    day: date
    excerpt: str
    tags: tuple[str, ...]
    before: str | None = None


@dataclass(frozen=True)
class Shown:
    """One page with one post, captured `hours` after the start."""

    sighting: Sighting
    layout: Layout
    hours: int

    @property
    def at(self) -> datetime:
        return START + timedelta(hours=self.hours)


TRUTHS = (
    Truth(101, "流形漫步：1、从直线到曲面", date(2024, 3, 5), "从一条直线说起，" * 20, ("流形", "几何")),
    Truth(102, "流形漫步：2、曲面上的步子", date(2024, 3, 5), "上一篇停在曲面的门口，" * 16, ("流形",)),
    Truth(
        103,
        "谱范数的渐近估计（上）",
        date(2025, 11, 6),
        "这一篇只做一件事：估计谱范数，" * 12,
        ("矩阵",),
        before="先前的一个题目",
    ),
    Truth(104, "趣题：称球", date(2010, 1, 3), "十二个小球，一架天平，三次机会，" * 12, ("趣题",)),
    Truth(105, "趣题：称球", date(2016, 7, 9), "又见称球，这一回是一百二十个，" * 12, ("趣题", "信息")),
)

EDITED_AFTER = 50  # hours: from then on pages show the new titles, tags and categories


def shown(truth: Truth, layout: Layout, hours: int, *, near_midnight: bool = False) -> Shown:
    """Return the sighting of the post on a page of this format; a text dump flattens it and has no id."""
    old = truth.before is not None and hours < EDITED_AFTER
    title = truth.before if old and truth.before is not None else truth.title
    full = Sighting(title=title, date=truth.day, excerpt=truth.excerpt)
    known = replace(full, archive_id=truth.archive_id)
    match layout:
        case Layout.LISTING:
            sighting = replace(
                full, title=flatten(title), excerpt=flatten(truth.excerpt), readers=1000 + hours
            )
        case Layout.HOME:
            sighting = replace(
                full,
                title=flatten(title),
                date=None,
                month_day=f"{truth.day:%m-%d}",
                excerpt=flatten(truth.excerpt),
            )
        case Layout.FEED:
            day = truth.day + timedelta(days=1) if near_midnight else truth.day
            sighting = replace(known, date=day, excerpt=truth.excerpt[:97] + "...", comments=hours)
        case Layout.ARCHIVE_PAGE:
            sighting = replace(known, excerpt=None, comments=hours)
        case _:
            tags = truth.tags if hours >= EDITED_AFTER else (*truth.tags, "待整理")
            category = "数学研究" if hours >= EDITED_AFTER else "信息时代"
            sighting = replace(known, tags=tags, category=category, comments=hours)
    return Shown(sighting, layout, hours)


LAYOUTS = (Layout.LISTING, Layout.HOME, Layout.FEED, Layout.POST_PAGE, Layout.ARCHIVE_PAGE)

pages = st.builds(
    shown,
    st.sampled_from(TRUTHS),
    st.sampled_from(LAYOUTS),
    st.integers(0, 99),
    near_midnight=st.booleans(),
)


two_orders = st.lists(pages, min_size=2, max_size=9).flatmap(
    lambda seen: st.tuples(st.just(seen), st.permutations(seen))
)


def what_it_says(posts: Sequence[Post]) -> list[tuple[object, ...]]:
    """The posts without what depends on when we came by: ids, first sights, times of counts, and the tags we
    infer, for which the vocabulary is that of the moment."""
    same = [
        replace(post, id=PostId(0), first_seen_at=START, readers_at=None, series_id=None) for post in posts
    ]
    return sorted(
        (
            post.archive_id or 0, post.title_key, post.title, str(post.date), post.month_day or "",
            post.excerpt, post.readers or 0, post.comments or 0, post.tags or (), post.category or "",
            post.aliases, post.series or "", post.episode or 0, post.date_certainty,
        )
        for post in same
    )  # fmt: skip
