"""Alerts on unexpected errors: when they are sent and with which count."""

from bot.error_alerts import KINDS, QUIET_SECONDS, Tally, described


def test_a_new_kind_is_told_at_once_and_the_rest_with_its_number() -> None:
    tally = Tally()
    tally.note("a")
    assert tally.due(100.0) == [("a", 1)]
    tally.mark_reported("a", 1, 100.0)
    for _ in range(7):
        tally.note("a")
    tally.note("b")
    assert tally.due(100.0 + QUIET_SECONDS - 1) == [("b", 1)]
    assert tally.due(100.0 + QUIET_SECONDS) == [("a", 7), ("b", 1)]


def test_what_came_up_while_it_was_told_is_not_lost() -> None:
    tally = Tally()
    tally.note("a")
    tally.note("a")
    tally.mark_reported("a", 1, 0.0)
    assert tally.due(QUIET_SECONDS) == [("a", 1)]


def test_what_did_not_come_up_again_is_not_told_again() -> None:
    tally = Tally()
    tally.note("a")
    tally.mark_reported("a", 1, 0.0)
    assert tally.due(10 * QUIET_SECONDS) == []


def test_kinds_are_bounded() -> None:
    tally = Tally()
    for number in range(3 * KINDS):
        tally.note(str(number))
    assert len(tally.due(0.0)) == KINDS


def test_an_error_is_described_without_its_text() -> None:
    try:
        Tally().mark_reported(None, "what somebody wrote", 0.0)  # type: ignore[arg-type]
    except TypeError as error:
        shown = described(error)
        assert shown.startswith("TypeError, bot/error_alerts.py:")
        assert "somebody" not in shown
    else:
        raise AssertionError("it should have failed")
