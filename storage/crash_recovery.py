"""Crash recovery: end the claims of a killed process by its send log.

Only for a start that holds the process lock: with several processes, leases end the claims.
"""

from datetime import datetime

from storage.model import Settlement, State
from storage.outbox import Outbox
from storage.send_log import SendLogSnapshot


async def end_claims(
    outbox: Outbox, snapshot: SendLogSnapshot | None, now: datetime, *, resend: bool
) -> None:
    """Settle sent deliveries, release unstarted claims, and let `Outbox.recover` end those in doubt.

    Without a log every claim may have been.
    """
    if snapshot is not None:
        claims = await outbox.sending()
        arrived = [
            Settlement(
                delivery_id=number, token=token, state=State.SENT, message_id=snapshot.sent[number, token]
            )
            for number, token in claims
            if (number, token) in snapshot.sent
        ]
        await outbox.settle(arrived, now)
        await outbox.unclaim([claim[0] for claim in claims if claim not in snapshot.begun], now)
    await outbox.recover(now, resend=resend, everything=True)
