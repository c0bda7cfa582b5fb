"""Outages of six hours and of three days: what was pending arrives by itself, at most twice."""

from pathlib import Path

import pytest

from tests.delivery.test_outages import ACCOUNT, ALL_BUT_MESSAGES, DAY, HOUR, KINDS, NOTHING, in_virtual_time

pytestmark = pytest.mark.torture

SHORT = [
    ("refused in unknown words", NOTHING),  # after a quarter of an hour it is failed, as for its content
    # Only a message shows that messages are answered: 7 of 60 deliveries end uncertain, with a notice.
    ("no answer", ALL_BUT_MESSAGES),
    ("gateway page", ALL_BUT_MESSAGES),
]
LONG = [(*kind, 6 * HOUR) for kind in KINDS if kind not in SHORT]
LONGEST = [
    ("gateway page", NOTHING, 3 * DAY),
    ("gateway page", ACCOUNT, 3 * DAY),
    ("token refused", NOTHING, 3 * DAY),
]


@pytest.mark.parametrize(("fault", "spared", "seconds"), LONG + LONGEST, ids=str)
def test_everything_arrives_after_a_long_outage(
    tmp_path: Path, fault: str, spared: tuple[str, ...], seconds: float
) -> None:
    in_virtual_time(tmp_path, fault, seconds, restart=True, spared=spared)
