"""What the server has against what the rows say, message by message."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`lost`: chats whose row says sent or uncertain but that have nothing, or whose row never ended.

    `phantom`: rows said to be sent that the server never saw. `copies`: the most that any chat has.
    """

    rows: Mapping[str, int]
    phantom: int
    lost: int
    copies: int
    duplicates: int


def chats_by_state(file: Path) -> dict[int, str]:
    """Return the state of each chat's announcement while the bot may be running."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as connection:
        found = connection.execute(
            "SELECT chat_id, state FROM deliveries JOIN destinations ON destinations.id = destination_id"
            " WHERE deliveries.kind = 'post'"
        ).fetchall()
    connection.close()
    return dict(found)


def work_left(file: Path) -> bool:
    """Whether any duty has not ended, or is still in a chunk."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as connection:
        found = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'pending'"
            " UNION ALL SELECT 1 FROM deliveries WHERE deliveries.state = 'sending'"
            " UNION ALL SELECT 1 FROM delivery_chunks)"
        ).fetchone()
    connection.close()
    return bool(found[0])


def account(states: Mapping[int, str], taken: Iterable[int]) -> Account:
    """`states` of the chats' one duty each; `taken` are the chats of the messages the server has."""
    copies = Counter(taken)
    sent = {chat for chat, state in states.items() if state == State.SENT}
    opened = {chat for chat, state in states.items() if state in {State.PENDING, State.SENDING}}
    return Account(
        rows=Counter(states.values()),
        phantom=sum(not copies[chat] for chat in sent),
        lost=len(opened) + sum(not copies[chat] for chat in states if states[chat] in {"sent", "uncertain"}),
        copies=max(copies.values(), default=0),
        duplicates=sum(count - 1 for count in copies.values() if count > 1),
    )


def in_flight(states: Mapping[int, str]) -> int:
    """How many claims a process that has just died left behind: each may become a copy."""
    return sum(state == State.SENDING for state in states.values())
