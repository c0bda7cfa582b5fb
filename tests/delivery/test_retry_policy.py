"""Decision table of the retry policy: outcome × form × requests in doubt."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.delivery.retry_policy import (
    FIRST_CHAT_WAIT,
    FIRST_WAIT,
    LONGEST_WAIT,
    UNKNOWN_TRIES,
    AllStopped,
    ChatGone,
    ChatMoved,
    ChatPaused,
    ChatRefused,
    RichMissing,
    SideEffect,
    TopicGone,
    decide,
)
from storage.model import (
    ChatKind,
    Delivery,
    DeliveryId,
    DeliveryKind,
    Destination,
    DestinationId,
    Fault,
    Form,
    Gone,
    InDoubt,
    Moved,
    Outcome,
    Pause,
    Preferences,
    Rejected,
    RetryLater,
    Sent,
    Standing,
    State,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
GROUP, TOPIC = -1001, 5
FORMS = tuple(Form)
UNSURE = (0, 1, 2)

DELIVERY = Delivery(
    id=DeliveryId(1),
    kind=DeliveryKind.POST,
    destination=Destination(
        id=DestinationId(3),
        chat_id=GROUP,
        thread_id=None,
        kind=ChatKind.GROUP,
        title="群",
        standing=Standing.ACTIVE,
        reason=None,
        preferences=Preferences(),
    ),
    post_ids=(),
    text=None,
    token="t",
    attempts=1,
    unsure=0,
)
IN_TOPIC = replace(DELIVERY, destination=replace(DELIVERY.destination, thread_id=TOPIC))


@dataclass(frozen=True)
class Row:
    """The state, the wait until the next request in seconds, whether it counts, the form and the effect."""

    outcome: Outcome
    state: State
    wait: float | None = None
    counts: bool = True
    form: Form | None = None
    effect: SideEffect | None = None
    forms: tuple[Form, ...] = FORMS
    unsure: tuple[int, ...] = UNSURE
    on_unsure: tuple[str, ...] = ("resend", "skip")
    delivery: Delivery = DELIVERY


def later(seconds: float, pause: Pause = Pause.CHAT, *, flood: bool = False) -> RetryLater:
    return RetryLater(seconds, "why", pause, flood)


ROWS = [
    Row(Sent(7), State.SENT),
    Row(Sent(None), State.SENT),
    # In doubt: repeated once, and only if requests in doubt are repeated at all.
    Row(InDoubt("why"), State.PENDING, 0.0, unsure=(0,), on_unsure=("resend",)),
    Row(InDoubt("why"), State.UNCERTAIN, unsure=(1, 2), on_unsure=("resend",)),
    Row(InDoubt("why"), State.UNCERTAIN, on_unsure=("skip",)),
    Row(Gone("why"), State.FAILED, effect=ChatGone(GROUP, "why")),
    Row(Moved(-1002), State.PENDING, 0.0, effect=ChatMoved(GROUP, -1002)),
    Row(
        Moved(-1002), State.PENDING, FIRST_WAIT, effect=ChatMoved(GROUP, -1002),
        delivery=replace(DELIVERY, attempts=2),
    ),
    Row(
        Moved(GROUP), State.PENDING, FIRST_CHAT_WAIT,
        effect=ChatRefused("the chat has moved to itself"),
    ),
    # Postponed: a flood for exactly its time, the bot's pauses for theirs, others by the backoff.
    Row(
        later(46.0, flood=True), State.PENDING, 46.0, counts=False,
        effect=ChatPaused(GROUP, NOW + timedelta(seconds=46), 46.0),
    ),
    Row(later(30.0), State.PENDING, 30.0),
    Row(later(1.0), State.PENDING, 2 * FIRST_WAIT),
    Row(later(1.0), State.PENDING, LONGEST_WAIT, delivery=replace(DELIVERY, attempts=5000)),
    Row(later(0.0, Pause.NONE), State.PENDING, 0.0, counts=False),
    Row(
        later(5.0, Pause.BOT), State.PENDING, 5.0, counts=False,
        effect=AllStopped(5.0, "why", token=False),
    ),
    Row(
        later(60.0, Pause.TOKEN), State.PENDING, 0.0, counts=False,
        effect=AllStopped(60.0, "why", token=True),
    ),
    # Rejected: simpler content, without rich messages, without the topic, or not at all.
    Row(Rejected("why", Fault.CONTENT), State.PENDING, 0.0, form=Form.CLASSIC, forms=(Form.RICH,)),
    Row(Rejected("why", Fault.CONTENT), State.PENDING, 0.0, form=Form.PLAIN, forms=(Form.CLASSIC,)),
    Row(Rejected("why", Fault.CONTENT), State.FAILED, forms=(Form.PLAIN,)),
    Row(
        Rejected("why", Fault.METHOD), State.PENDING, 0.0, counts=False, effect=RichMissing(),
        forms=(Form.RICH,),
    ),
    Row(Rejected("why", Fault.METHOD), State.FAILED, forms=(Form.CLASSIC, Form.PLAIN)),
    Row(
        Rejected("why", Fault.TOPIC), State.PENDING, 0.0, counts=False, effect=TopicGone("why"),
        delivery=IN_TOPIC,
    ),
    Row(Rejected("why", Fault.TOPIC), State.FAILED, effect=ChatRefused("why")),
    Row(Rejected("why", Fault.RIGHTS), State.FAILED, effect=ChatRefused("why")),
    Row(Rejected("why", Fault.CHAT), State.PENDING, FIRST_CHAT_WAIT, effect=ChatRefused("why")),
    Row(Rejected("why", Fault.TARGET), State.FAILED),
    Row(Rejected("why", Fault.OTHER), State.PENDING, FIRST_CHAT_WAIT),
    Row(Rejected("why", Fault.OTHER), State.FAILED, delivery=replace(DELIVERY, attempts=UNKNOWN_TRIES)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.outcome}-{row.delivery.attempts}")
def test_every_outcome_has_its_decision(row: Row) -> None:
    for form in row.forms:
        for unsure in row.unsure:
            for policy in row.on_unsure:
                decision = decide(
                    replace(row.delivery, unsure=unsure),
                    row.outcome,
                    NOW,
                    form=form,
                    on_unsure="resend" if policy == "resend" else "skip",
                )
                settled = decision.settlement
                due = None if row.wait is None else NOW + timedelta(seconds=row.wait)
                assert (settled.state, settled.due_at) == (row.state, due)
                assert (settled.counts, settled.form) == (row.counts, row.form)
                assert settled.unsure is isinstance(row.outcome, InDoubt)
                assert (settled.delivery_id, settled.token) == (DELIVERY.id, DELIVERY.token)
                assert decision.side_effect == row.effect


def test_the_table_has_every_outcome_fault_and_pause() -> None:
    outcomes = [row.outcome for row in ROWS]
    assert {type(each) for each in outcomes} == {Sent, RetryLater, InDoubt, Rejected, Gone, Moved}
    assert {each.fault for each in outcomes if isinstance(each, Rejected)} == set(Fault)
    assert {each.pause for each in outcomes if isinstance(each, RetryLater)} == set(Pause)


def test_what_is_refused_in_unknown_words_holds_its_chat_for_a_quarter_of_an_hour() -> None:
    now, delivery = NOW, replace(DELIVERY, attempts=0)
    while True:
        delivery = replace(delivery, attempts=delivery.attempts + 1)
        unknown = Rejected("why", Fault.OTHER)
        due = decide(delivery, unknown, now, form=Form.RICH, on_unsure="resend").settlement.due_at
        if due is None:
            break
        now = due
    assert timedelta(minutes=15) <= now - NOW <= timedelta(minutes=20)
