"""An audit without a data source is not reported as clean."""

from typing import Any

import pytest

from tests.tools.audit import CLEAN, KNOWN, UNASKED, verdict

FINE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FINE], CLEAN, "nothing is known"),
        ([FINE, BAD], KNOWN, "b 2: PYSEC-1, mended in 3"),
        ([FINE, UNKNOWN], UNASKED, "1 of 2"),
        ([BAD, UNKNOWN], KNOWN, "PYSEC-1"),
        ([], UNASKED, "0 of 0"),
    ],
)
def test_what_a_report_means(packages: list[dict[str, Any]], code: int, said: str) -> None:
    found, lines = verdict({"dependencies": packages})
    assert found == code
    assert said in lines[0]
