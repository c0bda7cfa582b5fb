"""Where the blog's dumps and the expected values lie; tests that need them skip when the folder is absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="the folder of dumps and expected values is absent"
)
