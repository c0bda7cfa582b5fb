"""All that a network and a server can do at the same time, at random; every message is accounted for."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fill import FIRST_CHAT
from tests.bench.traffic import supergroup
from tests.torture.accounting import account, chats_by_state
from tests.torture.runs import scene

pytestmark = pytest.mark.torture

CHATS = 1500


def test_faults_of_every_kind_are_accounted_for(tmp_path: Path) -> None:
    blocked = frozenset(range(FIRST_CHAT, FIRST_CHAT + 40))
    groups = tuple(range(-140, -100))
    knobs: dict[str, Any] = {
        "latency": 0.03, "jitter": 0.02, "cut_before": 0.005, "cut_after": 0.005, "failing": 0.005,
        "failing_after": 0.005, "flooding": 0.02, "seed": 3,
    }  # fmt: skip
    with scene(tmp_path, CHATS, groups=groups, blocked=blocked, migrated=frozenset(groups), **knobs) as here:
        counted = here.finish(within=280, RATE_PER_SECOND=300)
        copies = Counter(message["chat"] for message in here.server.taken())
    states = chats_by_state(here.file)
    assert {chat for chat, state in states.items() if state == "failed"} == blocked
    assert not blocked & set(copies)
    assert {supergroup(group) for group in groups} <= set(states), "each group goes on as a supergroup"
    assert not set(groups) & set(states)
    assert counted.phantom == 0
    assert counted.copies <= 2
    # Lost is only what broke twice without an answer, and that is said: it is uncertain, never sent.
    unseen = [chat for chat, state in states.items() if state in {"sent", "uncertain"} and not copies[chat]]
    assert all(states[chat] == "uncertain" for chat in unseen)
    assert counted.lost == len(unseen)
    assert set(counted.rows) <= {"sent", "failed", "uncertain"}
    assert account(states, copies.elements()).duplicates <= 0.05 * CHATS
