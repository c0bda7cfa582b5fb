"""Outages of six hours and of three days: what was pending arrives by itself, at most twice."""

from pathlib import Path

import pytest

from tests.delivery.test_outages import DAY, HOUR, KINDS, in_virtual_time

pytestmark = pytest.mark.torture

LONG = [(fault, only_sends, 6 * HOUR) for fault, only_sends in KINDS]
LONGEST = [
    ("gateway page", False, 3 * DAY),
    ("gateway page", True, 3 * DAY),
    ("token refused", False, 3 * DAY),
]


@pytest.mark.parametrize(("fault", "only_sends", "seconds"), LONG + LONGEST, ids=str)
def test_everything_arrives_after_a_long_outage(
    tmp_path: Path, fault: str, only_sends: bool, seconds: float
) -> None:
    in_virtual_time(tmp_path, fault, seconds, restart=True, only_sends=only_sends)
