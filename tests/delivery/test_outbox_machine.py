"""Any order of plans, claims, requests, answers, deaths and clock jumps: the outbox keeps its promise.

The rows are real, so are the verdicts and their consequences; only Telegram is a count of copies.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from bot.delivery.retry_policy import decide
from bot.delivery.side_effects import SideEffects, SuspensionGuard
from storage import enqueue
from storage.database import Database, Transaction
from storage.engine import create_engine
from storage.model import (
    ChatKind,
    Delivery,
    DestinationId,
    Form,
    Gone,
    InDoubt,
    Outcome,
    Rejected,
    RetryLater,
    Sent,
    State,
)
from storage.schema import deliveries
from tests.tools.databases import remove, url_in
from tests.tools.examples import examples

T = TypeVar("T")

CHATS = range(1, 5)
LEASE = timedelta(seconds=120)
ENDED = {State.SENT, State.FAILED, State.UNCERTAIN, State.CANCELLED}
Duty = tuple[DestinationId, str]

ANSWERS: tuple[Outcome, ...] = (
    Sent(1),
    RetryLater(3, "429", flood=True),
    RetryLater(1, "refused connection"),
    InDoubt("cut"),
    Rejected("no"),
    Gone("blocked"),
)
ARRIVES = {Sent: (True,), InDoubt: (True, False)}  # whether the message is in the chat after all


@dataclass(slots=True)
class Try:
    """A claimed duty and, once its request has been made, what will be answered."""

    delivery: Delivery
    until: datetime  # the end of its lease
    outcome: Outcome | None = None

    @property
    def duty(self) -> Duty:
        return self.delivery.destination.id, self.delivery.text or ""


class OutboxMachine(RuleBasedStateMachine):
    """The sender's steps, one by one, by hypothesis' choice."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="outbox-")
        self.runner = asyncio.Runner()
        self.database = Database(create_engine(url_in(Path(self.folder.name))))
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.tries: list[Try] = []
        self.copies: Counter[Duty] = Counter()
        self.broken: Counter[Duty] = Counter()  # attempts whose responses are no longer awaited
        self.planned = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def subscribe(self) -> None:
        async def unit(tx: Transaction) -> None:
            everything = await tx.scopes.everything()
            for chat in CHATS:
                to = await tx.destinations.ensure(chat, None, ChatKind.PRIVATE, "", self.now)
                await tx.destinations.subscribe(to.id, everything.id, self.now)

        self.run(self.database.write(unit))

    @rule(again=st.booleans())
    def plan(self, again: bool) -> None:
        """One duty for each chat; or the very same once more, which must change nothing."""
        if not again:
            self.planned += 1
        words = str(self.planned)
        self.run(self.database.write(lambda tx: tx.planner.broadcast(f"news:{words}", words, self.now)))

    @rule()
    def expand(self) -> None:
        """Turn a chunk into rows, as the worker does while few are due."""
        self.run(self.database.write(lambda tx: tx.chunks.expand(1)))

    @rule(slots=st.integers(1, 6))
    def claim(self, slots: int) -> None:
        self.run(self._claim(slots))

    async def _claim(self, slots: int) -> list[Try]:
        claimed = await self.database.write(lambda tx: tx.outbox.claim(slots, self.now, LEASE))
        assert len(claimed) <= slots
        chats = [delivery.destination.id for delivery in claimed]
        assert len(chats) == len(set(chats)), "an older duty of the same chat has not ended"
        tries = [Try(delivery, self.now + LEASE) for delivery in claimed]
        self.tries += tries
        return tries

    @precondition(lambda self: any(one.outcome is None for one in self.tries))
    @rule(data=st.data())
    def request(self, data: st.DataObject) -> None:
        """Deliver a request to Telegram, or not; this is open until the response."""
        one = data.draw(st.sampled_from([one for one in self.tries if one.outcome is None]))
        one.outcome = data.draw(st.sampled_from(ANSWERS))
        arrives = data.draw(st.sampled_from(ARRIVES.get(type(one.outcome), (False,))))
        self.copies[one.duty] += arrives
        self.broken[one.duty] += isinstance(one.outcome, InDoubt) and not arrives

    @precondition(lambda self: any(one.outcome is not None for one in self.tries))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The answers of some tries are written together, late ones among them."""
        answered = [one for one in self.tries if one.outcome is not None]
        some = data.draw(st.lists(st.sampled_from(answered), min_size=1, unique_by=id))
        self.tries = [one for one in self.tries if one not in some]
        self.run(self._write(some))

    async def _write(self, some: list[Try]) -> None:
        ended = [
            (one.delivery, decide(one.delivery, one.outcome, self.now, form=Form.CLASSIC, on_unsure="resend"))
            for one in some
            if one.outcome is not None
        ]

        async def unit(tx: Transaction) -> None:
            await tx.outbox.settle([verdict.settlement for _, verdict in ended], self.now)
            effects = SideEffects(tx=tx, now=self.now, monotonic=0.0, admins=(), guard=SuspensionGuard())
            await effects.apply(ended)

        await self.database.write(unit)

    @precondition(lambda self: self.tries)
    @rule()
    def die(self) -> None:
        """Kill -9 and start again as the only process."""
        self.broken.update(one.duty for one in self.tries)
        self.tries = []
        self.run(self.database.write(lambda tx: tx.outbox.recover(self.now, resend=True, everything=True)))

    @rule(minutes=st.sampled_from([-60, -1, 0, 1, 5, 60]))
    def jump(self, minutes: int) -> None:
        """The clock is set, or time passes; claims whose lease seems over are taken back."""
        self.now += timedelta(minutes=minutes)
        self.broken.update(one.duty for one in self.tries if one.until < self.now)
        self.run(self.database.write(lambda tx: tx.outbox.recover(self.now, resend=True)))

    @rule(chat=st.sampled_from(CHATS))
    def come_back(self, chat: int) -> None:
        self.run(self.database.write(lambda tx: tx.destinations.returned(chat)))

    @invariant()
    def nothing_comes_three_times(self) -> None:
        assert max(self.copies.values(), default=0) <= 2

    @invariant()
    def nothing_is_said_to_be_sent_that_was_not(self) -> None:
        for duty, state in self.rows().items():
            assert state is not State.SENT or self.copies[duty], duty

    def rows(self) -> dict[Duty, State]:
        async def unit(tx: Transaction) -> Sequence[Any]:
            query = select(deliveries.c.destination_id, deliveries.c.payload, deliveries.c.state)
            return (await tx.outbox._connection.execute(query)).all()

        found = self.run(self.database.read(unit))
        states = {(DestinationId(chat), words): state for chat, words, state in found}
        assert len(states) == len(found), "a duty has two rows"
        return states

    def teardown(self) -> None:
        try:
            self.run(self._drain())
            for duty, state in self.rows().items():
                assert state in ENDED, duty
                if state is State.UNCERTAIN:
                    assert self.copies[duty] or self.broken[duty], "given up without a reason"
        finally:
            self.run(self.database.close())
            self.runner.close()
            remove(Path(self.folder.name))
            self.folder.cleanup()

    async def _drain(self) -> None:
        """All is well from now on: everything must come to its end."""
        self.broken.update(one.duty for one in self.tries)
        self.tries = []
        self.now += timedelta(days=1)
        await self.database.write(lambda tx: tx.outbox.recover(self.now, resend=True, everything=True))
        while await self.database.write(lambda tx: tx.chunks.expand(9)) is not None:
            pass
        while tries := await self._claim(10):
            for one in tries:
                one.outcome = Sent(2)
                self.copies[one.duty] += 1
                assert self.copies[one.duty] <= 2
            self.tries = []
            await self._write(tries)


class OutboxMachineWithChunks(OutboxMachine):
    def __init__(self) -> None:
        self.few_rows = pytest.MonkeyPatch()
        self.few_rows.setattr(enqueue, "AHEAD", 2)
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.few_rows.undo()


TestOutbox, TestOutboxWithChunks = OutboxMachine.TestCase, OutboxMachineWithChunks.TestCase
TestOutbox.settings = TestOutboxWithChunks.settings = examples(10, stateful_step_count=25)
