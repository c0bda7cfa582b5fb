"""Whether rich messages are tried: wanted, refused by the server, asked again a day later."""

from datetime import UTC, datetime

from bot.delivery.messenger import RICH_RETRY_SECONDS, RichCapability


class HandClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_a_server_is_trusted_until_it_lacks_the_method() -> None:
    ability = RichCapability(HandClock(), wanted=True)
    assert ability.usable()
    ability.missing()
    assert not ability.usable()


def test_after_a_day_it_is_asked_again() -> None:
    clock = HandClock()
    ability = RichCapability(clock, wanted=True)
    ability.missing()
    clock.seconds = RICH_RETRY_SECONDS - 1
    assert not ability.usable()
    clock.seconds = RICH_RETRY_SECONDS
    assert ability.usable()
    ability.missing()
    assert not ability.usable()


def test_what_an_operator_turned_off_is_never_tried() -> None:
    clock = HandClock()
    ability = RichCapability(clock, wanted=False)
    clock.seconds = 10 * RICH_RETRY_SECONDS
    assert not ability.usable()
