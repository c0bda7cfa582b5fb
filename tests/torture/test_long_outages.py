"""Outages of six hours and of three days: what was pending arrives by itself, at most twice."""

from pathlib import Path

import pytest

from tests.delivery.test_outages import ACCOUNT, DAY, HOUR, KINDS, NOTHING, in_virtual_time

pytestmark = pytest.mark.torture

AN_HOUR = ("refused in unknown words",)  # then it is failed, as for its content
LONG = [(fault, spared, 6 * HOUR) for fault, spared in KINDS if fault not in AN_HOUR]
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
