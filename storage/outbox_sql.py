"""Statements of the outbox that run many times a second.

Built once at import, because building costs more than executing; storage.outbox executes them.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.sql.dml import Update

from storage.model import Priority, State
from storage.schema import UNSENT_STATES, deliveries, delivery_chunks, destinations, leases, posts

# Literals, not parameters: only so do the partial indexes serve (schema.py).
PENDING = text("deliveries.state = 'pending'")
SENDING = text("deliveries.state = 'sending'")
# The same where rows are found by their id. PostgreSQL takes the index of SENDING for empty if nothing was
# being sent when its statistics were taken, and would read it whole: 18 ms instead of 1.
STILL_SENDING = text("deliveries.state || '' = 'sending'")
UNSENT = text(f"deliveries.{UNSENT_STATES}")
# Of a claimed delivery a success is still written; any other end would be another try.
UNARRIVED = text("deliveries.state IN ('pending', 'sending', 'held')")
DUE_LAST = 10_000  # rows of each priority, among which those in doubt are counted
PROCESS_ENDED = "the process ended before Telegram's answer was written"
IN_CHUNKS = "chunks"  # counted with the states
UNSUBSCRIBED, DISCARDED = "unsubscribed", "an administrator discarded it"
NOW = bindparam("now", type_=deliveries.c.due_at.type)


def claimable(urgency: ColumnElement[int]) -> Select[tuple[int]]:
    """Select the due deliveries of this priority, oldest first, at most one per free slot."""
    older = deliveries.alias("older")
    # Not an EXISTS: PostgreSQL joins those, and reads the index `open` whole for each delivery where its
    # statistics are of a time at which nothing was pending.
    first_older = (
        select(older.c.id)
        .where(
            older.c.destination_id == deliveries.c.destination_id,
            older.c.id < deliveries.c.id,
            text("older.state IN ('pending', 'sending')"),
            older.c.priority <= deliveries.c.priority,
        )
        .order_by(older.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(deliveries.c.id)
        .where(PENDING, deliveries.c.priority == urgency, deliveries.c.due_at <= NOW, first_older.is_(None))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(bindparam("slots", type_=Integer))
    )


def due(urgency: ColumnElement[int]) -> Select[tuple[int]]:
    """Select the claimable deliveries and lock them, but for those that another claim locks."""
    return claimable(urgency).with_for_update(skip_locked=True)


# What a claim writes.
CLAIMING: dict[str, Any] = {
    "state": State.SENDING,
    "token": bindparam("claim"),
    "lease_until": bindparam("until"),
    "owner": bindparam("owner"),
    "begun": False,
    "attempts": deliveries.c.attempts + 1,
    "updated_at": NOW,
}

# Columns of a claimed delivery in addition to its destination's.
SELECTED = ("id", "kind", "post_id", "scope_id", "payload", "token", "attempts", "unsure", "form", "duty")


def _with_destinations(claimed: FromClause) -> Select[*tuple[Any, ...]]:
    """Select claimed deliveries with their destinations, in the order of sending."""
    columns = (claimed.c[name].label(f"delivery_{name}") for name in SELECTED)
    return (
        select(
            *columns,
            _message_to_edit(claimed).label("delivery_message_id"),
            _episode_before(claimed).label("episode_before"),
            # Not a join: PostgreSQL would read all posts for it.
            select(posts.c.updated_at)
            .where(posts.c.id == claimed.c.post_id)
            .correlate(claimed)
            .scalar_subquery()
            .label("delivery_post_updated_at"),
            *(column for column in destinations.c if column.name != "created_at"),
        )
        .join(destinations, destinations.c.id == claimed.c.destination_id)
        .order_by(claimed.c.priority, claimed.c.due_at, claimed.c.id)
    )


def _claim_together() -> Select[*tuple[Any, ...]]:
    """Return the whole claim as one statement, for PostgreSQL: SQLite has no UPDATE within a query."""
    # One part per priority, so that each reads the index only as far as needed; the later ones
    # are begun only while slots are free. Rows that a part locked in vain are free when the claim ends.
    parts = [
        select(due(literal_column(str(int(priority)))).subquery(f"due_{priority.name.lower()}").c.id)
        for priority in Priority
    ]
    chosen = (
        select(union_all(*parts).subquery("due").c.id)
        .limit(bindparam("slots", type_=Integer))
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    taken = (
        update(deliveries)
        .where(deliveries.c.id == chosen.c.id)
        .values(CLAIMING)
        .returning(deliveries)
        .cte("taken")
    )
    return _with_destinations(taken)


def _due_priorities() -> Select[*tuple[Any, ...]]:
    """Whether anything is due, for each priority: four looks into an index instead of four updates."""
    looks = [
        select(literal_column("1"))
        .where(
            PENDING, deliveries.c.priority == literal_column(str(int(priority))), deliveries.c.due_at <= NOW
        )
        .select_from(deliveries)
        .exists()
        .label(priority.name.lower())
        for priority in Priority
    ]
    return select(*looks)


def _message_to_edit(claimed: FromClause) -> ScalarSelect[int]:
    """Select the message that announced the post of a claimed edit.

    At the claim: when the edit was planned, that message might not have been answered yet, or in the group
    that its chat has been since.
    """
    announced = deliveries.alias("edited")
    return (
        select(announced.c.message_id)
        .where(
            claimed.c.kind == literal_column("'edit'"),
            announced.c.destination_id == claimed.c.destination_id,
            announced.c.duty == literal_column("'post:'", String) + cast(claimed.c.post_id, String),
        )
        .correlate(claimed)
        .scalar_subquery()
    )


def _episode_before(claimed: FromClause) -> ScalarSelect[int]:
    """Select the message that announced the episode before the one that a claimed delivery announces.

    At the claim, because an older delivery to the same destination has always ended by then.
    """
    post, earlier, episodes = posts.alias(), posts.alias("earlier"), posts.alias("episodes")
    announced = deliveries.alias("announced")
    last = (
        select(func.max(episodes.c.episode))
        .where(episodes.c.series_id == post.c.series_id, episodes.c.episode < post.c.episode)
        .correlate(post)
        .scalar_subquery()
    )
    number = cast(earlier.c.id, String)
    dedup_keys = [literal_column(f"'{kind}:'", String) + number for kind in ("post", "course")]
    same = and_(announced.c.destination_id == claimed.c.destination_id, announced.c.duty.in_(dedup_keys))
    return (
        select(func.max(announced.c.message_id))  # announced singly and as a lesson of a course: two messages
        .select_from(post)
        .join(earlier, and_(earlier.c.series_id == post.c.series_id, earlier.c.episode == last))
        .join(announced, same)
        .where(
            claimed.c.kind == literal_column("'post'"),
            post.c.id == claimed.c.post_id,
            announced.c.state == literal_column("'sent'"),
        )
        .correlate(claimed)
        .scalar_subquery()
    )


def _earliest() -> Select[*tuple[Any, ...]]:
    """When the earliest pending delivery of each priority is due after a time: one index lookup each."""
    after = bindparam("after", type_=deliveries.c.due_at.type)
    return select(
        *(
            select(deliveries.c.due_at)
            .where(
                PENDING,
                deliveries.c.priority == literal_column(str(int(priority))),
                deliveries.c.due_at > after,
            )
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(1)
            .scalar_subquery()
            .label(priority.name.lower())
            for priority in Priority
        )
    )


def _in_doubt() -> Select[int]:
    """How many destinations have a pending delivery whose request the server did not answer.

    Such a delivery is put off again and again: it is among those of its priority that are due last.
    """
    parts = [
        select(deliveries.c.destination_id, deliveries.c.unsure, deliveries.c.reason)
        .where(PENDING, deliveries.c.priority == literal_column(str(int(priority))))
        .order_by(deliveries.c.due_at.desc(), deliveries.c.id.desc())
        .limit(DUE_LAST)
        .subquery(f"last_{priority.name.lower()}")
        .select()
        for priority in Priority
    ]
    last = union_all(*parts).subquery("last")
    unanswered = and_(last.c.unsure > 0, last.c.reason != PROCESS_ENDED)
    return select(func.count(last.c.destination_id.distinct())).where(unanswered)


def _recover() -> Update:
    everything, resend = (bindparam(name, type_=Integer) for name in ("everything", "resend"))
    owned, quiet = deliveries.c.owner.is_not(None), bindparam("quiet", type_=leases.c.until.type)
    alive, heard = (
        exists().where(leases.c.token == deliveries.c.owner, leases.c.until > until) for until in (NOW, quiet)
    )
    not_begun = and_(owned, ~deliveries.c.begun)
    ended = or_(deliveries.c.lease_until < NOW, and_(owned, ~alive), and_(not_begun, ~heard), everything == 1)
    lost = select(deliveries.c.id).where(SENDING, ended).with_for_update(skip_locked=True, of=deliveries)
    again = and_(deliveries.c.unsure < 1, resend == 1)
    return (
        update(deliveries)
        .where(deliveries.c.id.in_(lost))
        .values(
            state=case((or_(again, not_begun), State.PENDING), else_=State.UNCERTAIN),
            unsure=deliveries.c.unsure + case((not_begun, 0), else_=1),
            attempts=deliveries.c.attempts - case((not_begun, 1), else_=0),
            reason=PROCESS_ENDED,
            due_at=NOW,
            lease_until=None,
            updated_at=NOW,
        )
    )


# Built once: the sender runs these many times a second, and building costs more than running.
CLAIM = update(deliveries).where(deliveries.c.id.in_(due(bindparam("urgency")))).values(CLAIMING)
CLAIMABLE = claimable(bindparam("urgency"))
CLAIMED = _with_destinations(deliveries).where(SENDING, deliveries.c.token == bindparam("claim"))
CLAIM_TOGETHER = _claim_together()
IN_DOUBT = _in_doubt()
RECOVER = _recover()
DUE_PRIORITIES = _due_priorities()
EARLIEST = _earliest()
# Of a clock that was ahead and was set back; one range of the partial index for each priority.
FROM_THE_FUTURE = (
    update(deliveries)
    .where(
        PENDING,
        deliveries.c.priority.in_([literal_column(str(int(priority))) for priority in Priority]),
        deliveries.c.due_at > NOW,
        deliveries.c.updated_at > bindparam("latest", type_=deliveries.c.updated_at.type),
    )
    .values(due_at=NOW, updated_at=NOW)
)
EARLIEST_SENDING = select(func.min(deliveries.c.due_at)).where(SENDING)
# SENT is the remainder: the other states are few rows, each under a separate partial index.
COUNT_ALL = select(func.count()).select_from(deliveries)
# PostgreSQL's estimate by its running statistics; after a crash, which resets them, that of the last ANALYZE.
ESTIMATE_ALL = text(
    """
    SELECT coalesce(nullif(pg_stat_get_live_tuples(oid), 0), CAST(reltuples AS bigint))
    FROM pg_class WHERE oid = CAST('deliveries' AS regclass)
    """
)
COUNT_BY_INDEX = union_all(
    *(
        select(literal(state), func.count()).select_from(deliveries).where(condition)
        for state, condition in (("pending", PENDING), ("sending", SENDING))
    ),
    select(deliveries.c.state, func.count()).where(UNSENT).group_by(deliveries.c.state),
    select(literal(IN_CHUNKS), func.coalesce(func.sum(delivery_chunks.c.size), 0)),
)
OLDEST_FIRST = (
    select(posts.c.id)
    .where(posts.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(posts.c.date.nulls_last(), posts.c.id)
)
SETTLE_SENT = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("row"), deliveries.c.state != State.SENT)
    .values(state=State.SENT, message_id=bindparam("message"), reason=None, lease_until=None, updated_at=NOW)
)
# On PostgreSQL one statement for all of them.
SETTLE_SENT_TOGETHER = text(
    """
    UPDATE deliveries
    SET state = 'sent', message_id = answered.message, reason = NULL, lease_until = NULL, updated_at = :now
    FROM unnest(CAST(:rows AS bigint[]), CAST(:messages AS bigint[])) AS answered (id, message)
    WHERE deliveries.id = answered.id AND deliveries.state <> 'sent'
    """
).bindparams(bindparam("rows", type_=ARRAY(BigInteger)), bindparam("messages", type_=ARRAY(BigInteger)), NOW)
# Marks many requests that are about to be made, where their claims have not ended.
BEGIN_TOGETHER = (
    text(
        """
        UPDATE deliveries SET begun = true
        FROM unnest(CAST(:rows AS bigint[]), CAST(:tokens AS text[])) AS asked (id, token)
        WHERE deliveries.id = asked.id AND deliveries.token = asked.token
          AND deliveries.state || '' = 'sending'
        RETURNING deliveries.id, deliveries.token
        """
    )
    .bindparams(bindparam("rows", type_=ARRAY(BigInteger)), bindparam("tokens", type_=ARRAY(String)))
    .columns(deliveries.c.id, deliveries.c.token)
)
SETTLE_OTHERS = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("row"), deliveries.c.token == bindparam("claim"), STILL_SENDING)
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        due_at=func.coalesce(bindparam("again", type_=deliveries.c.due_at.type), deliveries.c.due_at),
        attempts=deliveries.c.attempts - bindparam("uncounted"),
        unsure=deliveries.c.unsure + bindparam("unanswered"),
        form=func.coalesce(bindparam("simpler", type_=deliveries.c.form.type), deliveries.c.form),
        lease_until=None,
        updated_at=NOW,
    )
)
