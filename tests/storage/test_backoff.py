"""Exponential backoff: doubles, is bounded, starts again after a success."""

from itertools import repeat

from storage.clock import Backoff


def test_doubles_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 60.0)
    assert backoff.delay == 0.0
    assert [backoff.fail() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.fail() == 1.0


def test_any_number_of_failures_is_bounded() -> None:
    assert Backoff(2.0, 3600.0, 10**6).delay == 3600.0


def test_a_failure_after_long_work_is_a_first_one() -> None:
    backoff = Backoff(1.0, 60.0)
    for worked in repeat(5.0, 6):
        backoff.fail(worked)
    assert backoff.fail(worked=30.0) == 60.0
    assert backoff.fail(worked=61.0) == 1.0
