"""The API of the Mini App: marks, subscriptions, settings and the personal feed of one person."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import pytest

from storage.model import ScopeKind
from tests.web.conftest import Served
from tests.web.test_init_data import init_data

READER = {"id": 77, "first_name": "读者", "language_code": "zh"}


async def ask(
    served: Served, action: str, values: Mapping[str, object] = {}, signed: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Call the API as READER; return status and answer."""
    header = init_data(datetime.now(UTC), READER) if signed is None else signed
    async with served.client.post(
        f"{served.url}/api/{action}", json=dict(values), headers={"X-Init-Data": header}
    ) as answer:
        return answer.status, await answer.json()


async def test_marks_are_the_rows_of_the_chat(served: Served) -> None:
    await ask(served, "mark", {"post": 1, "as": "read"})
    status, state = await ask(served, "mark", {"post": 2, "as": "saved"})
    assert (status, state["read"], state["saved"]) == (200, [1], [2])
    assert await served.database.read(lambda tx: tx.bookmarks.have_read(77)) == {1}
    _, state = await ask(served, "mark", {"post": 1, "as": "unread"})
    assert state["read"] == []


async def test_a_subscription_is_that_of_the_private_chat(served: Served) -> None:
    counted = await served.database.read(lambda tx: tx.scopes.counted(ScopeKind.SERIES))
    scope = counted[0].scope
    _, state = await ask(served, "subscribe", {"scope": scope.id, "on": True})
    assert state["subscribed"] == [scope.id]
    chat = await served.database.read(lambda tx: tx.destinations.find(77))
    assert chat is not None
    assert await served.database.read(lambda tx: tx.destinations.subscribed_to(chat.id)) == {scope.id}
    _, state = await ask(served, "subscribe", {"scope": scope.id, "on": False})
    assert state["subscribed"] == []


async def test_settings_are_those_of_the_private_chat(served: Served) -> None:
    _, state = await ask(served, "setting", {"name": "language", "value": "en"})
    assert state["settings"]["language"] == "en"
    assert (await ask(served, "setting", {"name": "language", "value": "tlh"}))[0] == 400


async def test_a_personal_feed_can_be_renewed_and_the_former_address_ends(served: Served) -> None:
    everything = await served.database.write(lambda tx: tx.scopes.ensure([(ScopeKind.EVERYTHING, "", "")]))
    (scope_id,) = (scope.id for scope in everything.values())
    await ask(served, "subscribe", {"scope": scope_id, "on": True})
    _, first = await ask(served, "feed")
    assert feedparser.parse(await served.text(first["feed"])).entries
    _, second = await ask(served, "feed")
    assert second["feed"] != first["feed"]
    async with served.client.get(served.url + first["feed"]) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "forged",
    ["", "hash=0", init_data(datetime(2026, 11, 1, tzinfo=UTC) - timedelta(days=400), READER)],
    ids=["none", "wrong", "replayed"],
)
async def test_forged_data_changes_nothing(served: Served, forged: str) -> None:
    status, _ = await ask(served, "mark", {"post": 1, "as": "read"}, forged)
    assert status == 401
    assert await served.database.read(lambda tx: tx.bookmarks.people()) == []


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("mark", {"post": 1, "as": "eaten"}),
        ("mark", {"post": "1", "as": "read"}),
        ("mark", {"post": 10**30, "as": "read"}),
        ("mark", {"post": True, "as": "read"}),
        ("subscribe", {"scope": 1}),
        ("subscribe", {"scope": 99999, "on": True}),
        ("setting", {"name": "nothing", "value": "x"}),
    ],
)
async def test_a_malformed_request_is_refused(served: Served, action: str, values: dict[str, object]) -> None:
    assert (await ask(served, action, values))[0] == 400


async def test_a_body_that_is_no_object_is_refused(served: Served) -> None:
    for body in (b"", b"[]", b"\xff", b"[" * 10_000):
        async with served.client.post(
            f"{served.url}/api/me", data=body, headers={"X-Init-Data": init_data(datetime.now(UTC), READER)}
        ) as answer:
            assert answer.status == 400
