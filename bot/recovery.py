"""What a start does about the claims of a process that is no more. Knows the outbox, not what it is for."""

from datetime import datetime

from storage.aftermath import end_claims
from storage.begun import BegunLog
from storage.database import Database, Transaction


async def end_lost_claims(database: Database, begun: BegunLog | None, now: datetime, *, resend: bool) -> None:
    """On SQLite nobody else lives: what is still being sent was begun by a process that is no more.

    Where several processes may live, the others' claims end with their leases instead.
    """
    if database.shared:
        return
    left = None if begun is None else begun.read()

    async def unit(tx: Transaction) -> None:
        await end_claims(tx.outbox, left, now, resend=resend)

    await database.transact(unit)
    if begun is not None:
        begun.start_over()
