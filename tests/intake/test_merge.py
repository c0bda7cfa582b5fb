"""Merged posts do not depend on the order of their sightings."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.intake.matcher import diff
from bot.intake.merge import combine, numbered, post_from_sighting
from storage.model import Layout, Post, PostId, Sighting
from tests.intake.sightings import LAYOUTS, START, TRUTHS, Shown, Truth, shown, two_orders, what_it_says
from tests.tools.examples import examples


def archive_of(order: Sequence[Shown]) -> list[Post]:
    """Return the stored posts after these pages, ingested one by one."""
    known: dict[int, Post] = {}
    number = 0
    for page in order:
        changes = diff([page.sighting], known.values(), page.layout, page.at)
        stored = []
        for post in changes.new:
            number += 1
            stored.append(replace(post, id=PostId(number)))
        changes = numbered(changes, stored)
        for gone, _ in changes.joined:
            del known[gone]
        known |= {entry.now.id: entry.now for entry in changes.entries}
        known = dict(sorted(known.items()))
    return list(known.values())


EDITED = TRUTHS[2]
NEW_TITLE = shown(EDITED, Layout.LISTING, 60)
OLD_TITLE = shown(EDITED, Layout.HOME, 1)
FEED, FEED_A_DAY_LATE = (shown(EDITED, Layout.FEED, 2, near_midnight=late) for late in (False, True))


@examples(80)
@given(two_orders)
@example(([NEW_TITLE, OLD_TITLE, FEED_A_DAY_LATE], [NEW_TITLE, FEED_A_DAY_LATE, OLD_TITLE]))
@example(([NEW_TITLE, FEED, FEED_A_DAY_LATE], [FEED, FEED_A_DAY_LATE, NEW_TITLE]))
def test_the_order_of_sightings_does_not_matter(orders: tuple[list[Shown], list[Shown]]) -> None:
    one, other = orders
    assert what_it_says(archive_of(one)) == what_it_says(archive_of(other))


@given(st.permutations([(truth, layout) for truth in TRUTHS for layout in LAYOUTS]))
@examples(20)
def test_every_post_is_known_once_from_all_its_pages(order: list[tuple[Truth, Layout]]) -> None:
    seen = [shown(truth, layout, 60 + at) for at, (truth, layout) in enumerate(order)]
    known = archive_of(seen)
    assert sorted(post.archive_id or 0 for post in known) == [truth.archive_id for truth in TRUTHS]
    for post in known:
        truth = next(one for one in TRUTHS if one.archive_id == post.archive_id)
        assert (post.title, post.date, post.excerpt, post.tags) == (
            truth.title, truth.day, truth.excerpt, truth.tags,
        )  # fmt: skip


FIRST = TRUTHS[0]


def test_the_page_joins_what_an_edited_title_kept_apart() -> None:
    dump = shown(EDITED, Layout.LISTING, 1)
    listed = shown(EDITED, Layout.ARCHIVE_PAGE, 60)
    assert len(archive_of([dump, listed])) == 2
    (post,) = archive_of([dump, listed, shown(EDITED, Layout.POST_PAGE, 61)])
    assert (post.id, post.archive_id, post.title) == (1, 103, "谱范数的渐近估计（上）")
    assert [title for _, title in post.aliases] == ["先前的一个题目"]


def on(page: Shown, day: date) -> Shown:
    return replace(page, sighting=replace(page.sighting, date=day))


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("off", "layout", "posts"),
    [
        (-2, Layout.FEED, 2),
        (-1, Layout.FEED, 1),
        (0, Layout.FEED, 1),
        (1, Layout.FEED, 1),
        (2, Layout.FEED, 2),
        (1, Layout.POST_PAGE, 2),  # what a page prints is no day off
        (0, Layout.POST_PAGE, 1),
    ],
)
def test_with_an_edited_title_only_a_feed_may_be_a_day_off(
    off: int, layout: Layout, posts: int, first: int
) -> None:
    seen = [NEW_TITLE, on(shown(EDITED, layout, 1), EDITED.day + timedelta(days=off))]
    assert len(archive_of([seen[first], seen[1 - first]])) == posts


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_that_begin_like_a_feeds_that_of_its_day_is_the_same(first: int) -> None:
    """Two parts may begin with the same words on days that follow each other."""
    parts = [
        replace(NEW_TITLE, sighting=replace(NEW_TITLE.sighting, title=f"第{day.day}日", date=day))
        for day in (EDITED.day, EDITED.day + timedelta(days=1))
    ]
    known = archive_of([parts[first], parts[1 - first], FEED])
    assert {post.date: post.archive_id for post in known} == {EDITED.day: 103, date(2025, 11, 7): None}


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_of_all_days_have_one_neighbour(day: date) -> None:
    assert len(archive_of([on(FEED, day), NEW_TITLE])) == 2


@pytest.mark.parametrize("first", [0, 1])
def test_the_printed_date_wins_near_midnight(first: int) -> None:
    seen = [shown(FIRST, Layout.FEED, 1, near_midnight=True), shown(FIRST, Layout.ARCHIVE_PAGE, 0)]
    (post,) = archive_of([seen[first], seen[1 - first]])
    assert post.date == date(2024, 3, 5)


def test_a_feed_never_shortens_an_excerpt() -> None:
    (post,) = archive_of([shown(FIRST, Layout.POST_PAGE, 1), shown(FIRST, Layout.FEED, 90)])
    assert post.excerpt == FIRST.excerpt


@pytest.mark.parametrize("first", [0, 1])
def test_a_capture_that_was_cut_never_shortens_an_excerpt(first: int) -> None:
    whole, cut = shown(FIRST, Layout.LISTING, 1), shown(FIRST, Layout.LISTING, 9)
    cut = replace(cut, sighting=replace(cut.sighting, excerpt=FIRST.excerpt[:120]))
    (post,) = archive_of([whole, cut] if first else [cut, whole])
    assert post.excerpt == whole.sighting.excerpt


def test_posts_of_one_title_stay_apart() -> None:
    seen = [shown(truth, layout, 1) for truth in TRUTHS[3:] for layout in (Layout.LISTING, Layout.FEED)]
    assert [post.archive_id for post in archive_of(seen)] == [104, 105]


def test_what_adds_nothing_leaves_the_very_same_post() -> None:
    (post,) = archive_of([shown(FIRST, Layout.POST_PAGE, 9)])
    (older,) = archive_of([shown(FIRST, Layout.LISTING, 1)])
    known = combine(post, older)
    assert combine(known, older) is known


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_tags_of_tag_pages_add_up_until_the_post_shows_all(order: tuple[int, ...]) -> None:
    partial = [Sighting(title="甲", date=START.date(), tags=(tag,), tags_partial=True) for tag in ("a", "b")]
    whole = Sighting(title="甲", date=START.date(), tags=("c", "a"))
    posts = [post_from_sighting(shown, Layout.LISTING, START) for shown in (*partial, whole)]
    assert combine(posts[0], posts[1]).tags == combine(posts[1], posts[0]).tags == ("a", "b")
    first, second, third = (posts[at] for at in order)
    assert combine(combine(first, second), third).tags == ("c", "a")
