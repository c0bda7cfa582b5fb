"""Lists in statements have few lengths and say the same."""

from hypothesis import given
from hypothesis import strategies as st

from storage.engine import few_lengths


@given(st.sets(st.integers(), max_size=300))
def test_few_lengths_and_the_same_values(values: set[int]) -> None:
    listed = few_lengths(values)
    assert set(listed) == values
    assert len(listed) < 2 * max(1, len(values))
    assert len(listed) & (len(listed) - 1) == 0
