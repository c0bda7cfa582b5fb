"""What the log says of duties that ended: one line for each trail and state, however many they are.

Written after the rows are, so it never says more than what is stored. Holds no words of messages.
"""

import logging
from collections.abc import Iterable, MutableMapping

from bot.delivery.verdict import Verdict
from bot.ops.logs import following
from storage.model import Delivery, DeliveryId, State

log = logging.getLogger(__name__)


def write_down(ended: Iterable[tuple[Delivery, Verdict]], trails: MutableMapping[DeliveryId, str]) -> None:
    """Log these ends, each under the trail that `trails` has for it, which is taken out of there."""
    lines: dict[tuple[str, State], list[str]] = {}
    for delivery, verdict in ended:
        settled = verdict.settlement
        trail = trails.pop(delivery.id, "")
        if settled.state is State.PENDING and not settled.counts and verdict.effect is None:
            continue  # only its chat's pace
        said = f"delivery {delivery.id} to {delivery.destination.chat_id}"
        if settled.message_id is not None:
            said += f" as message {settled.message_id}"
        if settled.reason is not None:
            said += f" ({settled.reason})"
        lines.setdefault((trail, settled.state), []).append(said)
    for (trail, state), said_of in lines.items():
        with following(trail):
            log.info("%s: %s", state, ", ".join(said_of))
