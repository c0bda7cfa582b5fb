"""The lead: enough at once after one request came too late, and little again where little is needed."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit.reservations import LEAST, MOST, update_lead_time

SECONDS = st.floats(0.0, 10.0)


@given(lead=st.floats(LEAST, MOST), needed=SECONDS)
def test_what_was_needed_once_is_given_at_once(lead: float, needed: float) -> None:
    assert min(needed, MOST) <= update_lead_time(lead, needed) <= MOST


@given(needed=st.floats(-10.0, 1.0))
def test_one_long_wait_is_forgotten_after_some_hundred_requests(needed: float) -> None:
    lead = MOST
    for _ in range(400):
        lead = update_lead_time(lead, needed)
    assert LEAST <= lead <= max(LEAST, 1.3 * needed) + 0.01
