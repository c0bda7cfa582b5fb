"""User rate limits: a full bucket is dropped from memory."""

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.user_rate_limit import KEPT, TokenBucket


def test_forgets_who_has_not_asked_for_a_while() -> None:
    gate = TokenBucket(burst=20, per_second=1 / 5)
    for second in range(5000):
        gate.admits(float(second), second)
    assert gate.remembered <= 101


def test_remembers_no_more_than_so_many_at_once() -> None:
    gate = TokenBucket()
    for person in range(KEPT + 500):
        gate.admits(0.0, person)
    assert gate.remembered == KEPT


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 30)), max_size=80))
def test_forgetting_admits_nobody_sooner(asked: list[tuple[int, float]]) -> None:
    """Against buckets that are never forgotten."""
    gate, levels, now = TokenBucket(burst=3, per_second=0.2), dict[int, float](), 0.0
    for person, pause in asked:
        now += pause
        levels = {who: min(3.0, level + pause * 0.2) for who, level in levels.items()}
        level = levels.get(person, 3.0)
        if abs(level - 1) > 1e-6:  # on the edge the two may round differently
            assert gate.admits(now, person) == (level >= 1)
            levels[person] = level - (level >= 1)
