"""The year of a month-day: every kind of evidence alone, and the home page of the blog."""

import re
from calendar import month_abbr
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

import pytest

from bot.intake.year_inference import Dated, HomePage, Undated, infer_dates
from bot.titles import title_key
from storage.model import Certainty
from tests.tools.shared import SHARED, needs_shared

CAPTURED = date(2026, 11, 22)
UPGRADE = "Transformer升级之路"
DIFFUSION = "生成扩散模型漫谈"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    undated: tuple[Undated, ...]
    dated: tuple[Dated, ...] = ()
    pages: tuple[HomePage, ...] = ()
    expected: dict[int, tuple[str, Certainty]]


def post(number: int, month_day: str, series: str | None = None, episode: int | None = None) -> Undated:
    return Undated(id=number, month_day=month_day, series_key=series, episode=episode)


def known(number: int, day: str, series: str | None = None, episode: int | None = None) -> Dated:
    return Dated(id=number, date=date.fromisoformat(day), series_key=series, episode=episode)


def page(*posts: int, captured: str = "2026-11-22") -> HomePage:
    return HomePage(posts=posts, captured_at=date.fromisoformat(captured))


SUMMER_2023 = (
    post(1, "08-14", UPGRADE, 13),
    post(2, "08-07", UPGRADE, 12),
    post(3, "07-31", UPGRADE, 11),
    post(4, "07-20"),
    post(5, "07-14"),
    post(6, "07-06", UPGRADE, 10),
    post(7, "06-28", DIFFUSION, 20),
    post(8, "06-24", DIFFUSION, 19),
)

SCENARIOS = {
    "the eight posts of a home page, by the episodes that other dumps date": Scenario(
        undated=SUMMER_2023,
        dated=(
            known(20, "2022-06-13", DIFFUSION, 1),
            known(21, "2023-01-12", UPGRADE, 7),
            known(22, "2023-01-31", UPGRADE, 8),
            known(23, "2023-05-12", UPGRADE, 9),
        ),
        pages=(page(1, 2, 3, 4, 5, 6, 7, 8),),
        expected={p.id: (f"2023-{p.month_day}", Certainty.INFERRED) for p in SUMMER_2023},
    ),
    "the next episode comes in the nearest year": Scenario(
        undated=(post(6, "07-06", UPGRADE, 10),),
        dated=(known(23, "2023-05-12", UPGRADE, 9),),
        pages=(page(6),),
        expected={6: ("2023-07-06", Certainty.INFERRED)},
    ),
    "eighteen episodes do not fit into eleven days": Scenario(
        undated=(post(8, "06-24", DIFFUSION, 19),),
        dated=(known(20, "2022-06-13", DIFFUSION, 1),),
        pages=(page(8),),
        expected={8: ("2023-06-24", Certainty.INFERRED)},
    ),
    "an earlier episode lies before a later one": Scenario(
        undated=(post(1, "12-20", UPGRADE, 8),),
        dated=(known(2, "2023-05-12", UPGRADE, 9),),
        pages=(page(1),),
        expected={1: ("2022-12-20", Certainty.INFERRED)},
    ),
    "between two distant episodes the middle one lies in the middle": Scenario(
        undated=(post(1, "03-01", UPGRADE, 6),),
        dated=(known(2, "2018-02-01", UPGRADE, 5), known(3, "2022-04-01", UPGRADE, 7)),
        pages=(page(1),),
        expected={1: ("2020-03-01", Certainty.INFERRED)},
    ),
    "one dated post fixes the years of its page": Scenario(
        undated=(post(1, "01-05"), post(3, "12-20")),
        dated=(known(2, "2017-01-01"),),
        pages=(page(1, 2, 3),),
        expected={1: ("2017-01-05", Certainty.INFERRED), 3: ("2016-12-20", Certainty.INFERRED)},
    ),
    "a dated post on the page is stronger than the series": Scenario(
        undated=(post(1, "07-06", UPGRADE, 10),),
        dated=(known(2, "2024-07-01"), known(3, "2023-05-12", UPGRADE, 9)),
        pages=(page(1, 2),),
        expected={1: ("2024-07-06", Certainty.INFERRED)},
    ),
    "of dated posts that disagree the majority is believed": Scenario(
        undated=(post(1, "07-06"),),
        dated=(known(2, "2023-07-05"), known(3, "2009-07-04"), known(4, "2023-07-03")),
        pages=(page(1, 2, 3, 4),),
        expected={1: ("2023-07-06", Certainty.INFERRED)},
    ),
    "overlapping pages agree": Scenario(
        undated=(post(1, "02-03"), post(2, "01-28"), post(3, "12-30")),
        dated=(known(4, "2014-12-25"),),
        pages=(page(1, 2, captured="2026-01-01"), page(2, 3), page(3, 4)),
        expected={
            1: ("2015-02-03", Certainty.INFERRED),
            2: ("2015-01-28", Certainty.INFERRED),
            3: ("2014-12-30", Certainty.INFERRED),
        },
    ),
    "what one page gives, another page's series takes up": Scenario(
        undated=(post(1, "07-06", UPGRADE, 10), post(2, "09-01", UPGRADE, 11)),
        dated=(known(3, "2023-07-01"),),
        pages=(page(1, 3), page(2)),
        expected={1: ("2023-07-06", Certainty.INFERRED), 2: ("2023-09-01", Certainty.INFERRED)},
    ),
    "the capture alone gives the latest possible year, as a guess": Scenario(
        undated=(post(1, "02-10"), post(2, "12-24")),
        pages=(page(1, 2, captured="2025-03-01"),),
        expected={1: ("2025-02-10", Certainty.GUESSED), 2: ("2024-12-24", Certainty.GUESSED)},
    ),
    "a post of the day of the capture": Scenario(
        undated=(post(1, "03-01"),),
        pages=(page(1, captured="2025-03-01"),),
        expected={1: ("2025-03-01", Certainty.GUESSED)},
    ),
    "the earlier of two captures bounds both": Scenario(
        undated=(post(1, "02-10"), post(2, "02-08")),
        pages=(page(1, 2, captured="2026-03-01"), page(1, 2, captured="2021-03-01")),
        expected={1: ("2021-02-10", Certainty.GUESSED), 2: ("2021-02-08", Certainty.GUESSED)},
    ),
    "a guess does not become evidence": Scenario(
        undated=(post(1, "02-10", UPGRADE, 2), post(2, "03-10", UPGRADE, 3)),
        pages=(page(1, captured="2022-03-01"), page(2, captured="2026-04-01")),
        expected={1: ("2022-02-10", Certainty.GUESSED), 2: ("2026-03-10", Certainty.GUESSED)},
    ),
    "29 February needs a leap year": Scenario(
        undated=(post(1, "03-02"), post(2, "02-29")),
        pages=(page(1, 2, captured="2023-06-01"),),
        expected={1: ("2020-03-02", Certainty.GUESSED), 2: ("2020-02-29", Certainty.GUESSED)},
    ),
    "29 February by its series": Scenario(
        undated=(post(1, "02-29", UPGRADE, 16),),
        dated=(known(2, "2022-11-01", UPGRADE, 15),),
        pages=(page(1),),
        expected={1: ("2024-02-29", Certainty.INFERRED)},
    ),
    "no series is dated after the capture": Scenario(
        undated=(post(1, "12-20", UPGRADE, 2),),
        dated=(known(2, "2023-05-12", UPGRADE, 1),),
        pages=(page(1, captured="2023-06-01"),),
        expected={1: ("2022-12-20", Certainty.GUESSED)},
    ),
    "without page or series there is no answer": Scenario(undated=(post(1, "02-10"),), expected={}),
    "without a page the series still answers": Scenario(
        undated=(post(1, "07-06", UPGRADE, 10),),
        dated=(known(2, "2023-05-12", UPGRADE, 9),),
        expected={1: ("2023-07-06", Certainty.INFERRED)},
    ),
    "the same episode twice says nothing of the year": Scenario(
        undated=(post(1, "07-06", UPGRADE, 9),),
        dated=(known(2, "2023-05-12", UPGRADE, 9),),
        pages=(page(1),),
        expected={1: ("2026-07-06", Certainty.GUESSED)},
    ),
    "a dated post needs no answer": Scenario(
        undated=(post(1, "07-06"),), dated=(known(1, "2023-07-06"),), pages=(page(1),), expected={}
    ),
    "nothing asked": Scenario(undated=(), dated=(known(1, "2023-07-06"),), expected={}),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_year_is_inferred(scenario: Scenario) -> None:
    answers = infer_dates(scenario.undated, scenario.dated, scenario.pages)

    assert {
        number: (day.isoformat(), certainty) for number, (day, certainty) in answers.items()
    } == scenario.expected


def _titles(name: str) -> Sequence[tuple[str, str]]:
    """The titles of a listing dump with their dates, or of a home dump with their month-days."""
    lines = (SHARED / "dumps" / name).read_text().split("\n")
    months = list(month_abbr)
    found: list[tuple[str, str]] = []
    for index, line in enumerate(lines):
        if by := re.match(r"By 苏剑林 \| (\d{4}-\d\d-\d\d)", line):
            found.append((lines[index - 1], by[1]))
        elif badge := re.fullmatch(r"(\d{1,2}) ([A-Z][a-z]{2})", line):
            found.append((lines[index + 2], f"{months.index(badge[2]):02}-{int(badge[1]):02}"))
    return found


@needs_shared
@pytest.mark.parametrize("captured", [date(2023, 8, 15), CAPTURED])
def test_the_real_home_dump_comes_out_in_2023(captured: date) -> None:
    rows = [line.split("\t") for line in (SHARED / "data" / "seeds_truth.tsv").read_text().splitlines()[1:]]
    truth = {title_key(row[2]): row for row in rows}
    dated: dict[str, Dated] = {}
    undated: list[Undated] = []
    numbers = count()
    for path in sorted((SHARED / "dumps").glob("*.txt")):
        for title, day in _titles(path.name):
            key = title_key(title)
            series = truth[key][6] or None
            episode = int(truth[key][7]) if series else None
            if len(day) == len("MM-DD"):
                undated.append(post(next(numbers), day, series, episode))
            else:
                dated[key] = known(next(numbers), day, series, episode)

    answers = infer_dates(
        undated,
        dated.values(),
        [HomePage(posts=tuple(post.id for post in undated), captured_at=captured)],
    )

    assert len(undated) == 8
    assert [answers[asked.id] for asked in undated] == [
        (date.fromisoformat(row[4]), Certainty.INFERRED) for row in rows if row[0] == "003"
    ]
