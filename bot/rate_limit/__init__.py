"""Rate limit of the bot and of each chat: the slots of pushes and answers, in one process or several."""

from dataclasses import dataclass

from storage.model import Delivery, Rejected

NOT_SOON = Rejected("it could not have been said soon")  # outcome of an answer whose slot is too late


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery claimed by this process at `at`, in its monotonic seconds.

    `owner` is the token of the lease that the claim ends with, where several processes claim.
    """

    delivery: Delivery
    at: float
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """No slot is near: the delivery is to be claimed again after `seconds`."""

    seconds: float
