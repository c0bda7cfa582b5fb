"""Ten thousand mutated requests to the reading room: no error of the server."""

from pathlib import Path

import pytest

from tests.web.test_hostile_requests import check

pytestmark = pytest.mark.torture


@pytest.mark.parametrize("seed", [1, 2])
async def test_ten_thousand_mutated_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    await check(tmp_path, seed, 10_000, caplog)
