"""Years inferred for whole archives: the order of the evidence does not matter, and the answers agree."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.intake.year_inference import Dated, HomePage, Undated, infer_dates
from storage.model import Certainty

SERIES = "Transformer升级之路"


@st.composite
def archives(draw: st.DrawFn) -> tuple[list[Undated], list[Dated], list[HomePage]]:
    """A blog of a post every few days, seen through overlapping pages, some of its dates printed in full."""
    days = [date(2015, 1, 3)]
    for gap in draw(st.lists(st.integers(2, 40), min_size=5, max_size=30)):
        days.append(days[-1] + timedelta(days=gap))
    undated: list[Undated] = []
    dated: list[Dated] = []
    for number, day in enumerate(days):
        series, episode = (SERIES, number) if draw(st.booleans()) else (None, None)
        if draw(st.integers(0, 4)) == 0:
            dated.append(Dated(id=number, date=day, series_key=series, episode=episode))
        else:
            month_day = f"{day:%m-%d}"
            undated.append(Undated(id=number, month_day=month_day, series_key=series, episode=episode))
    starts = draw(st.lists(st.integers(0, len(days) - 1), min_size=1, max_size=6))
    pages = [
        HomePage(posts=tuple(reversed(range(max(0, start - 7), start + 1))), captured_at=days[start])
        for start in starts
    ]
    return undated, dated, pages


@given(archives(), st.randoms(use_true_random=False))
def test_the_order_in_which_evidence_arrives_does_not_matter(
    archive: tuple[list[Undated], list[Dated], list[HomePage]], chance: object
) -> None:
    undated, dated, pages = archive
    expected = infer_dates(undated, dated, pages)

    for part in (undated, dated, pages):
        chance.shuffle(part)  # type: ignore[attr-defined]

    assert infer_dates(undated, dated, pages) == expected


@given(archives())
def test_answers_keep_their_month_day_and_the_order_of_their_pages(
    archive: tuple[list[Undated], list[Dated], list[HomePage]],
) -> None:
    undated, dated, pages = archive
    answers = infer_dates(undated, dated, pages)

    for asked in undated:
        if asked.id in answers:
            assert f"{answers[asked.id][0]:%m-%d}" == asked.month_day
    for shown in pages:
        days = [answers[number][0] for number in shown.posts if number in answers]
        assert all(newer >= older for newer, older in pairwise(days))


@given(archives())
def test_a_page_with_a_dated_post_is_dated_rightly(
    archive: tuple[list[Undated], list[Dated], list[HomePage]],
) -> None:
    undated, dated, pages = archive
    truth = {post.id: post.date for post in dated}
    answers = infer_dates(undated, dated, pages)

    for shown in pages:
        if any(number in truth for number in shown.posts):
            for number in shown.posts:
                assert number in truth or answers[number][1] is Certainty.INFERRED


def test_many_pages_without_a_year_are_dated_in_one_pass() -> None:
    days = [date(2015, 1, 1) + timedelta(days=3 * number) for number in range(1200)]
    undated = [
        Undated(id=number, month_day=f"{day:%m-%d}", series_key=f"series {number % 50}", episode=number // 50)
        for number, day in enumerate(days)
    ]
    pages = [
        HomePage(posts=tuple(range(end, max(-1, end - 8), -1)), captured_at=days[end])
        for end in range(7, len(days), 7)
    ]

    answers = infer_dates(undated, [Dated(id=5000, date=days[0])], pages)

    assert [answers[number][0] for number in range(len(answers))] == days[: len(answers)]
