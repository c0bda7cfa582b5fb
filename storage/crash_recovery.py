"""Ending the claims of a process that is no more, by what it left in its log of requests.

Only for a start that knows no other process lives: elsewhere leases end them.
"""

from datetime import datetime

from storage.model import Settlement, State
from storage.outbox import Outbox
from storage.send_log import SendLogSnapshot


async def end_claims(
    outbox: Outbox, snapshot: SendLogSnapshot | None, now: datetime, *, resend: bool
) -> None:
    """Settle what was sent, free what was not begun, and let `Outbox.recover` judge what may have been sent.

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
