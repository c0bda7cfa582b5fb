"""The breaker: what leaves and is never answered stops the rest, until a probe is answered."""

from bot.delivery.circuit_breaker import FIRST_PAUSE, LONGEST_PAUSE, TRIPPING, CircuitBreaker


def tripped(at: float) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(TRIPPING):
        breaker.record_failure(at, begun=at - 1)
    return breaker


def test_a_few_tries_without_an_answer_stop_the_rest() -> None:
    breaker = CircuitBreaker()
    for _ in range(TRIPPING - 1):
        breaker.record_failure(100.0, begun=99.0)
    assert breaker.free_slots(100.0, 5) is None
    breaker.record_failure(100.0, begun=99.0)
    assert breaker.is_open
    assert breaker.free_slots(100.0, 0) == 0
    assert breaker.opens_in(100.0) == FIRST_PAUSE


def test_after_the_pause_one_try_at_a_time_is_made() -> None:
    breaker = tripped(100.0)
    assert breaker.free_slots(100.0 + FIRST_PAUSE, 0) == 1
    assert breaker.free_slots(100.0 + FIRST_PAUSE, 1) == 0


def test_what_was_under_way_when_it_tripped_is_no_probe() -> None:
    """A process that was frozen finds all its requests unanswered at once: one trouble, not twenty."""
    breaker = tripped(100.0)
    for _ in range(20):
        breaker.record_failure(100.0, begun=99.0)
    breaker.record_failure(107.0, begun=99.5)
    assert breaker.opens_in(100.0) == FIRST_PAUSE


def test_each_probe_without_an_answer_doubles_the_pause() -> None:
    breaker, now, pauses = tripped(100.0), 100.0, []
    for _ in range(6):
        now += breaker.opens_in(now)
        breaker.record_failure(now + 1, begun=now)
        now += 1
        pauses.append(breaker.opens_in(now))
    assert pauses == [10.0, 20.0, 40.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_an_answer_closes_it_and_is_forgiven_all() -> None:
    breaker = tripped(100.0)
    breaker.record_success()
    assert breaker.free_slots(101.0, 5) is None
    assert tripped(100.0).opens_in(100.0) == FIRST_PAUSE
    breaker.record_failure(102.0, begun=101.5)
    assert not breaker.is_open
