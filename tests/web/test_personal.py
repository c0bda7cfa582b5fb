"""The API of the Mini App: marks, subscriptions, settings and the personal feed of one person."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest

from bot.callbacks.actions import Forget
from bot.chat import commands
from bot.chat.actions import answer
from bot.chat.context import RequestContext
from bot.chat.permissions import OtherChats
from storage.model import ChatKind, Destination, ExcerptLength, Format, Preferences, ScopeKind, When
from tests.web.conftest import Served, serving
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


@pytest.mark.parametrize(
    ("name", "value", "field", "stored"),
    [
        ("language", "en", "language", "en"),
        ("when", "weekly", "when", When.WEEKLY),
        ("when", "每天汇总", "when", When.DAILY),
        ("hour", "6", "hour", 6),
        ("hour", "晚上 9 点", "hour", 21),
        ("weekday", "2", "weekday", 2),
        ("quiet", "22:30-7:00", "quiet_from", time(22, 30)),
        ("quiet", "off", "quiet_to", None),
        ("time_zone", "东京", "time_zone", "Asia/Tokyo"),
        ("sound", "off", "silent", True),
        ("format", "classic", "format", Format.CLASSIC),
        ("excerpt", "none", "excerpt", ExcerptLength.NONE),
        ("pictures", "off", "pictures", False),
    ],
)
async def test_settings_are_those_of_the_private_chat(
    served: Served, name: str, value: str, field: str, stored: object
) -> None:
    status, _ = await ask(served, "setting", {"name": name, "value": value})
    assert status == 200
    chat = await served.database.read(lambda tx: tx.destinations.find(77))
    assert chat is not None
    assert getattr(chat.preferences, field) == stored


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "tlh"),
        ("hour", "25"),
        ("time_zone", "../etc/passwd"),
        ("quiet", "7-7"),
        ("hour", "8" * 65),
    ],
)
async def test_what_is_no_value_changes_nothing(served: Served, name: str, value: str) -> None:
    assert (await ask(served, "setting", {"name": name, "value": value}))[0] == 400
    assert await served.database.read(lambda tx: tx.destinations.find(77)) is None


@pytest.mark.both_databases
async def test_a_personal_feed_can_be_renewed_and_the_former_address_ends(served: Served) -> None:
    everything = await served.database.write(lambda tx: tx.scopes.ensure([(ScopeKind.EVERYTHING, "", "")]))
    (scope_id,) = (scope.id for scope in everything.values())
    await ask(served, "subscribe", {"scope": scope_id, "on": True})
    _, first = await ask(served, "feed")
    assert feedparser.parse(await served.text(first["feed"])).entries
    async with served.client.get(served.url + first["feed"]) as answer:
        assert answer.headers["Cache-Control"].startswith("private")
        poll = {"If-None-Match": answer.headers["ETag"]}
    async with served.client.get(served.url + first["feed"], headers=poll) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    _, second = await ask(served, "feed")
    assert second["feed"] != first["feed"]
    async with served.client.get(served.url + first["feed"]) as answer:
        assert answer.status == 404


async def test_a_personal_feed_leaves_out_what_is_muted_and_ends_with_forget(served: Served) -> None:
    everything = await served.database.write(lambda tx: tx.scopes.everything())
    series = (await served.database.read(lambda tx: tx.scopes.counted(ScopeKind.SERIES)))[0].scope
    muted = {post.title for post in await served.database.read(lambda tx: tx.posts.of_scope(series.id))}
    await ask(served, "subscribe", {"scope": everything.id, "on": True})
    _, given = await ask(served, "feed")
    before = {entry.title for entry in feedparser.parse(await served.text(given["feed"])).entries}
    await ask(served, "mute", {"scope": series.id, "on": True})
    after = {entry.title for entry in feedparser.parse(await served.text(given["feed"])).entries}
    assert before & muted
    assert not after & muted
    request = RequestContext(chat_id=77, thread_id=None, kind=ChatKind.PRIVATE, user_id=77)
    await answer(served.room.services, request, Forget(confirmed=True))
    async with served.client.get(served.url + given["feed"]) as gone:
        assert gone.status == 404


async def test_a_personal_feed_holds_the_posts_of_a_keyword(served: Served) -> None:
    request = RequestContext(chat_id=77, thread_id=None, kind=ChatKind.PRIVATE, user_id=77)
    await commands.ask(served.room.services, request, "subscribe", "word RoPE")
    _, given = await ask(served, "feed")
    titles = [entry.title for entry in feedparser.parse(await served.text(given["feed"])).entries]
    assert "Transformer升级之路：1、位置的第1种看法" in [title.replace(":", "：") for title in titles]


async def form(served: Served, values: Mapping[str, object], path: str = "/me") -> tuple[int, str]:
    """Send a form of the personal page as READER; return status and page."""
    fields = {"init_data": init_data(datetime.now(UTC), READER), **values}
    async with served.client.post(served.url + path, data=fields) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.text()


async def test_the_personal_page_works_by_forms_alone(served: Served) -> None:
    status, page = await form(served, {})
    assert status == 200
    assert "还没有订阅，所以什么都不会发来。" in page
    scope = (await served.database.read(lambda tx: tx.scopes.counted(ScopeKind.SERIES)))[0].scope
    _, page = await form(served, {"do": "subscribe", "scope": scope.id, "on": 1})
    assert "已保存。" in page
    assert scope.name in page
    await form(served, {"do": "mark", "post": 3, "as": "saved"})
    _, page = await form(served, {"do": "setting", "name": "hour", "value": "6 点"})
    assert 'value="06:00"' in page
    assert 'href="/post/3"' in page
    _, page = await form(served, {"do": "setting", "name": "language", "value": "en"})
    assert "Reading progress" not in page
    assert "My feed" in page
    _, page = await form(served, {"do": "feed"})
    (address,) = re.findall(rf"{served.url}(/feed/me/[^<]+)", page)
    assert feedparser.parse(await served.text(address)).entries
    status, page = await form(served, {"do": "setting", "name": "hour", "value": "noon-ish"})
    assert status == 400
    assert "not understood" in page
    status, page = await form(served, {"do": "mark", "post": 3, "as": "unsaved"})
    assert 'href="/post/3"' not in page


async def test_saved_posts_are_files(served: Served) -> None:
    await form(served, {"do": "mark", "post": 2, "as": "saved"})
    status, body = await form(served, {}, "/me/saved.json")
    assert status == 200
    assert len(json.loads(body)) == 1
    async with served.client.post(served.url + "/me/saved.bib", data={"init_data": "forged"}) as refused:
        assert refused.status == 401


async def test_the_page_shows_nothing_to_forged_data(served: Served) -> None:
    async with served.client.post(
        served.url + "/me", data={"init_data": "hash=0", "do": "mark", "post": "1", "as": "saved"}
    ) as answer:
        assert answer.status == 401
        assert "签名" in await answer.text()
    assert await served.database.read(lambda tx: tx.bookmarks.people()) == []


class Administers(OtherChats):
    """Other chats that READER administers: those in `chats`."""

    def __init__(self, *chats: int) -> None:
        self._chats = chats

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        return user_id == READER["id"] and chat_id in self._chats

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        return True

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        return None


async def test_a_group_is_changed_by_its_administrators_only(tmp_path: Path) -> None:
    async with serving(tmp_path, chats=Administers(-100)) as served:

        async def group(chat_id: int) -> Destination:
            now = served.room.services.clock.now()
            return await served.database.write(
                lambda tx: tx.destinations.ensure(chat_id, None, ChatKind.GROUP, "读书会", now, Preferences())
            )

        own, foreign = await group(-100), await group(-200)
        everything = await served.database.write(lambda tx: tx.scopes.everything())
        wish = {"scope": everything.id, "on": True}
        assert (await ask(served, "subscribe", {**wish, "chat": own.id}))[0] == 200
        assert (await ask(served, "subscribe", {**wish, "chat": foreign.id}))[0] == 403
        assert (await ask(served, "subscribe", {**wish, "chat": 10**6}))[0] == 403
        _, page = await form(served, {"chat": own.id, "do": "setting", "name": "hour", "value": "9"})
        assert "读书会" in page
        assert "收藏" not in page
        status, page = await form(served, {"chat": foreign.id, "do": "setting", "name": "hour", "value": "9"})
        assert status == 403
        assert "只有管理员" in page
        stored = await served.database.read(lambda tx: tx.destinations.many([own.id, foreign.id]))
        assert (stored[own.id].preferences.hour, stored[foreign.id].preferences.hour) == (9, 20)
        wanted = await served.database.read(lambda tx: tx.destinations.subscribed_to(foreign.id))
        assert wanted == frozenset()
        assert await served.database.read(lambda tx: tx.destinations.find(77)) is None


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ("p_3", "/post/3"),
        ("s_1", "/scope/1"),
        ("o_7", "/me?chat=7"),
        ("i_1", "/series"),
        ("w_Uk9QRQ", "/search?q=ROPE"),
    ],
)
async def test_a_direct_link_opens_its_page(served: Served, payload: str, path: str) -> None:
    for name in ("tgWebAppStartParam", "startapp"):
        address = f"{served.url}/?{name}={payload}"
        async with served.client.get(address, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, path)
    assert await served.text("/?tgWebAppStartParam=x_1")


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
        ("me", {"chat": "x"}),
        ("mute", {"scope": 99999, "on": True}),
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
