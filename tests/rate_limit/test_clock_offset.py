"""How another clock stands to one's own seconds: never believed to be further than it is."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit.reservations import LOOKS, OLD_SECONDS, ClockOffset

AHEAD = 1_700_000_000.0
LOOK = st.tuples(st.floats(0.001, 1), st.floats(0, 2), st.floats(0, 1))


@given(st.lists(LOOK, min_size=1, max_size=30))
def test_nothing_begins_before_the_other_clock_shows_it(looks: list[tuple[float, float, float]]) -> None:
    own, clock, quickest = 100.0, ClockOffset(), []
    for pause, took, part in looks:
        own += pause
        clock.observe(own, own + took, AHEAD + own + part * took)
        quickest.append(took)
        own += took
    shown = clock.now(own)
    assert shown is not None
    assert shown <= AHEAD + own + 1e-6
    if own - 100.0 < OLD_SECONDS:
        assert shown >= AHEAD + own - min(quickest[-LOOKS:]) - 1e-6
    assert abs(clock.here(shown) - own) < 1e-6


def test_as_long_as_nobody_looked_nothing_is_known() -> None:
    assert ClockOffset().now(1.0) is None
