"""Writing down that a request begins, at the last moment before its first byte goes.

Whatever is killed before that has surely sent nothing, however long it waited for a connection.
"""

from dataclasses import dataclass

from bot.departing import Departure, departing, departs
from storage.begun import BegunLog
from storage.model import DeliveryId


def begins(log: BegunLog, delivery_id: DeliveryId, token: str) -> None:
    """Write down in `log` that the next request of this task begins, when it may leave."""
    departs(_Beginning(departing(), log, delivery_id, token))


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Of a request that `paced` lets leave, if somebody paces it. What cannot be written down stays."""

    paced: Departure | None
    log: BegunLog
    delivery_id: DeliveryId
    token: str

    async def leaves(self) -> None:
        if self.paced is not None:
            await self.paced.leaves()
        self.log.begin(self.delivery_id, self.token)

    def left(self) -> None:
        if self.paced is not None:
            self.paced.left()
