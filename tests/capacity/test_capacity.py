"""The capacity page is what its code makes of the bench's figures, and its simulations keep to the rules."""

import random
from dataclasses import replace

import pytest

from bot.rate_limit.scheduler import Limits
from bot.settings import FREE_PER_SECOND, Settings
from storage.model import Priority
from tests.capacity.estimate import PAID_PER_SECOND, Measured, fan_out_seconds, net_rate, processes, stars
from tests.capacity.page import CAPACITY_TABLES
from tests.capacity.sample import sample
from tests.capacity.year import DAY, DAYS, World, answers_per_second, batches, simulate
from tests.tools.readme import CAPACITY, with_tables

MILLION = World(chats=1_000_000)
SMALL = World(chats=3000, posts=10)
TEXT = CAPACITY.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert TEXT.count("<!-- /") == len(CAPACITY_TABLES)
    assert with_tables(TEXT, CAPACITY_TABLES) == TEXT, "run `python -m tests.tools.readme`"


def test_the_figures_in_the_text_are_those_of_the_code() -> None:
    assert f"{round(net_rate(FREE_PER_SECOND) * 3600, -3):,.0f} chats within an hour" in TEXT
    assert f"{net_rate(FREE_PER_SECOND) * DAY / 1e6:.1f} million within a day" in TEXT
    assert f"{net_rate(FREE_PER_SECOND):.1f} a second are left of {FREE_PER_SECOND}" in TEXT
    for margin in (Limits().margin, Limits().paid_margin):
        assert f"{margin:.1%} longer".replace("%", " %") in TEXT
    assert 0.19 < simulate(MILLION, FREE_PER_SECOND, random.Random(0)).utilisation < 0.21


@pytest.mark.parametrize(
    ("messages", "rate", "price"),
    [
        pytest.param(1_000_000, FREE_PER_SECOND, 0, id="the free rate costs nothing"),
        pytest.param(60_000, 60 * 1.005, 3000, id="at twice the free rate half is paid for"),
        pytest.param(1_000_000, PAID_PER_SECOND, 96_985, id="a million at once"),
    ],
)
def test_the_price(messages: int, rate: float, price: float) -> None:
    assert stars(messages, rate) == pytest.approx(price, rel=1e-5)


def test_as_many_processes_as_leave_each_something() -> None:
    found = Measured(process_per_second=800, sqlite_bytes=1, postgres_bytes=1)
    assert [processes(rate, found) for rate in (30, 560, 580, 1000)] == [1, 1, 2, 2]


def test_a_year_with_a_million_chats_fits_into_the_free_rate() -> None:
    year = simulate(MILLION, FREE_PER_SECOND, random.Random(0))
    assert year.left == 0
    assert max(year.longest.values()) < Settings.max_age_days * DAY
    assert year.busiest_day <= net_rate(FREE_PER_SECOND) * DAY * 1.001
    # What is more urgent waits less than what is not.
    assert year.longest[Priority.POST] < year.longest[Priority.DIGEST] < year.longest[Priority.EDIT]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.5, FREE_PER_SECOND, PAID_PER_SECOND])
def test_every_duty_of_a_year_is_sent_or_left(rate: float, seed: int) -> None:
    year = simulate(SMALL, rate, random.Random(seed))
    due = sum(batch.count for batch in batches(SMALL, random.Random(seed)) if batch.due < DAYS * DAY)
    assert year.duties + year.left == pytest.approx(due)
    spare = net_rate(rate) - answers_per_second(SMALL)
    assert year.duties == pytest.approx(year.busy * spare)


def test_a_year_that_is_too_much_shows_it() -> None:
    much = replace(MILLION, posts=1500, edits=3)
    year = simulate(much, FREE_PER_SECOND, random.Random(0))
    assert year.left > 10 * MILLION.chats
    assert year.utilisation == pytest.approx(1.0, abs=0.01)


def test_answers_alone_can_be_too_much() -> None:
    with pytest.raises(ValueError, match="answers alone"):
        simulate(replace(MILLION, questions=2.0), FREE_PER_SECOND, random.Random(0))


@pytest.mark.parametrize("floods", [0.0, 1e-3])
@pytest.mark.parametrize("rate", [FREE_PER_SECOND, PAID_PER_SECOND])
def test_the_real_pacing_keeps_every_window_and_the_arithmetic(rate: int, floods: float) -> None:
    messages = max(5000, 20 * rate)  # the first of many seconds may hold one window more
    seen = sample(rate, messages, groups=0.1, floods=floods, dice=random.Random(1))
    assert seen.most_in_a_second <= rate
    assert seen.most_to_a_person_in_a_second == 1
    assert seen.most_to_a_group_in_a_minute <= Limits().group_per_minute
    if not floods:
        assert seen.seconds == pytest.approx(fan_out_seconds(messages, rate), rel=0.05)
    assert (seen.floods > 0) == (floods > 0)
