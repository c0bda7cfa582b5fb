"""Mutated requests: never an error of the server, never a way outside, never more than what is public."""

import asyncio
import logging
from pathlib import Path

import pytest

from storage.model import ChatKind, PostId, Preferences
from tests.web.conftest import Served, serving
from tests.web.hostile_requests import requests, statuses

SEED = 24
COUNT = 600  # tests/torture sends 10,000


async def check(folder: Path, seed: int, count: int, caplog: pytest.LogCaptureFixture) -> None:
    """Send mutated requests to a fresh room; none may fail, and only signed ones may change anything."""
    async with serving(folder, limited=False) as served:
        port = int(served.url.rpartition(":")[2])
        with caplog.at_level(logging.ERROR):
            found = await statuses(port, requests(seed, count))
        failed = [status for status in found if status.startswith(b"5") and not status.startswith(b"501")]
        assert failed == []
        assert {b"200", b"302", b"400", b"401", b"404", b"405"} <= set(found)
        assert [record.message for record in caplog.records if record.name.startswith("bot")] == []
        assert set(await served.database.read(lambda tx: tx.bookmarks.people())) <= {77}
        chats = await served.database.read(lambda tx: tx.destinations.everyone())
        assert {chat.chat_id for chat in chats} <= {77}


async def test_mutated_requests_are_never_an_error_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await check(tmp_path, SEED, COUNT, caplog)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../templates/base.html",
        "/static/..%2ftemplates%2fbase.html",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/static/room.css%00.html",
        "/static/room.css/../../server.py",
        "/static/katex.css/..",
        "/files/series/../../etc/passwd.bib",
        "/post/1/../../../etc/passwd",
        "/..%5c..%5cetc%5cpasswd",
        "/templates/base.html",
    ],
)
async def test_no_path_leads_outside(served: Served, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: room\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer[9:12] in (b"404", b"400"), answer[:80]
    assert b"root:" not in answer


async def test_an_expectation_that_is_not_ascii_is_refused(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\nHost: room\r\nConnection: close\r\nExpect: \xff\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 417")


async def test_nothing_of_chats_is_public(tmp_path: Path) -> None:
    """No page, feed or file holds a name, an id, a search or a bookmark of a person or group."""
    async with serving(tmp_path, limited=False) as served:
        services = served.room.services
        now = services.clock.now()

        async def fill(tx):  # type: ignore[no-untyped-def]
            chat = await tx.destinations.ensure(
                987654321, None, ChatKind.GROUP, "秘密读书会", now, Preferences()
            )
            await tx.destinations.subscribe(chat.id, (await tx.scopes.everything()).id, now)
            await tx.bookmarks.save(987654321, PostId(1), now)
            await tx.scopes.phrase("私人的搜索词", now)

        await served.database.write(fill)
        seen, waiting = (
            set[str](),
            ["/", "/me", "/me?chat=1", "/search?q=秘密读书会", "/feed/search.atom?q=秘密"],
        )
        while waiting:
            address = waiting.pop()
            if address in seen or address.startswith("/static"):
                continue
            seen.add(address)
            async with served.client.get(served.url + address) as answer:
                text = (await answer.text()) + str(answer.headers)
            without_question = text.replace(
                "秘密读书会", "", text.count("秘密读书会") if "q=" in address else 0
            )
            for secret in ("987654321", "秘密读书会", "私人的搜索词", "123456:"):
                assert secret not in without_question, address
            if answer.content_type == "text/html":
                waiting += [one.replace("&amp;", "&") for one in links_in(text)]
        assert len(seen) > 100


def links_in(text: str) -> list[str]:
    """Return the addresses on this host that a page links to."""
    return [part.partition('"')[0] for part in text.split('href="')[1:] if part.startswith("/")]


async def test_a_client_is_limited_by_its_address_also_behind_a_proxy(served: Served) -> None:
    async def asks(address: str, times: int) -> int:
        refused = 0
        for _ in range(times):
            headers = {"X-Forwarded-For": f"10.9.9.9, {address}"}
            async with served.client.get(served.url + "/static/icon.svg", headers=headers) as answer:
                refused += answer.status == 429
        return refused

    served.room.limits.burst, served.room.limits.per_second = 5, 0.001
    assert await asks("203.0.113.7", 8) == 3
    assert await asks("203.0.113.8", 5) == 0
    assert (
        await asks("2001:db8:1:2::1", 3) + await asks("2001:db8:1:2:ffff::9", 3) == 1
    )  # one network of 64 bits
