"""Circuit breaker: probes before the next request, a trial delivery after several chats broke."""

from bot.delivery.circuit_breaker import (
    FIRST_SILENCE,
    LONGEST_PAUSE,
    LONGEST_SILENCE,
    QUARANTINE,
    SECOND_REQUEST_AFTER,
    TRIPPING,
    CircuitBreaker,
)

CHATS = range(1, TRIPPING + 1)
OTHER = 99


def broken(at: float, chats: int = TRIPPING) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for chat_id in range(1, chats + 1):
        breaker.record_failure(at, chat_id)
    return breaker


def test_one_request_without_an_answer_waits_for_a_probe_at_once() -> None:
    breaker = broken(100.0, chats=1)
    assert breaker.free_slots() == 0
    assert breaker.opens_in(100.0) == 0.0
    breaker.record_probe(100.1, answered=True)
    assert breaker.free_slots() is None


def test_probes_without_an_answer_are_seconds_apart() -> None:
    breaker, now, pauses = broken(100.0), 100.0, []
    for _ in range(6):
        breaker.record_probe(now, answered=False)
        pauses.append(breaker.opens_in(now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert breaker.open_for(now) == now - 100.0
    assert not breaker.admits(now, OTHER, in_doubt=False)


def test_a_server_that_is_back_closes_it() -> None:
    breaker = broken(100.0)
    breaker.record_probe(100.1, answered=False)
    breaker.record_probe(101.1, answered=True)
    assert breaker.is_closed


def test_after_several_chats_broke_one_other_chat_is_the_trial() -> None:
    """Hanging chats hold up no healthy one: the trial goes elsewhere."""
    breaker = broken(100.0)
    breaker.record_probe(100.1, answered=True)
    assert breaker.free_slots() == 1
    for chat_id in CHATS:
        assert not breaker.admits(101.0, chat_id, in_doubt=False)
    assert breaker.admits(101.0, OTHER, in_doubt=False)
    assert breaker.free_slots() == 0
    breaker.record_success()
    assert breaker.is_closed


def test_a_trial_that_was_not_sent_is_free_again() -> None:
    breaker = broken(100.0)
    breaker.record_probe(100.1, answered=True)
    assert breaker.admits(101.0, OTHER, in_doubt=False)
    breaker.withdraw(OTHER)
    assert breaker.free_slots() == 1


def test_a_trial_without_an_answer_opens_it_for_longer() -> None:
    breaker, now = broken(100.0), 100.0
    for number, pause in enumerate((1.0, 2.0, 4.0, 8.0, 16.0)):
        breaker.record_probe(now, answered=True)
        assert breaker.admits(now, OTHER + number, in_doubt=False)
        breaker.record_failure(now, OTHER + number)
        assert breaker.opens_in(now) == pause
        now += pause


def test_deliveries_in_doubt_and_broken_chats_are_trials_last() -> None:
    breaker = broken(100.0)
    breaker.record_probe(100.0, answered=True)
    assert not breaker.admits(99.0 + SECOND_REQUEST_AFTER, OTHER, in_doubt=True)
    assert not breaker.admits(99.0 + QUARANTINE, 1, in_doubt=False)
    assert breaker.admits(100.0 + SECOND_REQUEST_AFTER, 1, in_doubt=True)


def test_a_second_request_is_a_trial_only_where_there_is_no_other_and_ever_later() -> None:
    """Each costs a delivery its last request."""
    breaker, now = broken(100.0), 100.0
    for wait in (1, 2, 3, 5):
        breaker.record_probe(now, answered=True)
        assert not breaker.admits(now + wait * SECOND_REQUEST_AFTER - 0.1, 1, in_doubt=True)
        assert breaker.admits(now + wait * SECOND_REQUEST_AFTER, 1, in_doubt=True)
        now += wait * SECOND_REQUEST_AFTER
        breaker.record_failure(now, 1)
        now += max(QUARANTINE, breaker.opens_in(now))


def test_a_message_that_is_answered_meanwhile_lets_it_probe_at_once() -> None:
    breaker = broken(100.0)
    breaker.record_probe(100.0, answered=True)
    assert breaker.admits(100.0, OTHER, in_doubt=False)
    breaker.record_failure(145.0, OTHER)
    assert breaker.opens_in(145.0, answered_at=99.0) == 1.0
    assert breaker.opens_in(145.5, answered_at=145.4) == 0.0
    breaker.record_probe(145.6, answered=False)
    assert breaker.opens_in(145.6, answered_at=145.4) == 1.0


def test_a_restart_within_an_outage_begins_with_a_trial() -> None:
    breaker = CircuitBreaker()
    breaker.resume(100.0, TRIPPING - 1)
    assert breaker.is_closed
    breaker.resume(100.0, TRIPPING)
    assert not breaker.admits(100.0, 1, in_doubt=True)
    assert breaker.admits(100.0, OTHER, in_doubt=False)
    breaker.record_success()
    assert breaker.is_closed


def test_an_answer_forgives_everything() -> None:
    breaker = broken(100.0)
    breaker.record_success()
    breaker.record_failure(102.0, 1)
    breaker.record_probe(102.1, answered=True)
    assert breaker.is_closed


def test_a_trial_chat_without_an_answer_to_its_probe_opens_it() -> None:
    breaker = broken(100.0)
    breaker.record_probe(100.1, answered=True)
    assert breaker.admits(101.0, OTHER, in_doubt=False)
    assert breaker.tries(OTHER)
    assert breaker.record_silence(101.0, OTHER).delay == FIRST_SILENCE
    assert breaker.is_open
    assert not breaker.tries(OTHER)


def test_probes_to_a_silent_chat_are_further_and_further_apart() -> None:
    breaker = CircuitBreaker()
    waits = [breaker.record_silence(100.0, OTHER).delay for _ in range(6)]
    assert waits == [FIRST_SILENCE, 10.0, 20.0, 40.0, LONGEST_SILENCE, LONGEST_SILENCE]
    assert breaker.is_closed
    breaker.record_failure(200.0, OTHER)
    assert breaker.record_silence(200.0, OTHER).delay == FIRST_SILENCE
