"""A PostgreSQL that neither answers nor closes: every transaction ends, and goes on with new connections."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from storage import engine
from storage.database import Database, Transaction, open_database
from tests.fakes.tcp_proxy import TcpProxy
from tests.tools.postgres import MakeUrl


@pytest_asyncio.fixture
async def proxied(
    postgres: MakeUrl, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Database, TcpProxy]]:
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.5)
    url = make_url(postgres())
    assert url.port is not None
    async with TcpProxy(url.port) as proxy:
        address = url.set(port=proxy.port).render_as_string(hide_password=False)
        database = await open_database(address)
        yield database, proxy
        await database.close()


async def test_a_transaction_without_an_answer_ends_and_is_run_again(
    proxied: tuple[Database, TcpProxy],
) -> None:
    database, proxy = proxied
    for _ in range(3):  # several idle connections, all of which fall silent
        await asyncio.gather(*(database.read(lambda tx: tx.outbox.counts()) for _ in range(4)))
    proxy.is_silent = True
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(
            database.write(lambda tx: tx.key_values.put("key", "value"), seconds=1.0, exclusive=False)
        )
        await asyncio.sleep(1.5)
        assert not writing.done()
        proxy.is_silent = False
    assert time.monotonic() - started < 5.0
    assert database.silences == 1
    assert await database.read(lambda tx: tx.key_values.get("key")) == "value"


async def test_idle_connections_are_closed_with_the_silent_one(
    proxied: tuple[Database, TcpProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to the garbage collector, their sockets would stay open for as long as it likes."""
    database, proxy = proxied
    transports = noted(monkeypatch, proxy)
    await asyncio.gather(*(database.read(lambda tx: tx.outbox.counts()) for _ in range(4)))
    silent = len(transports)
    assert silent > 1
    proxy.is_silent = True
    with pytest.raises(TimeoutError):
        await database.write(lambda tx: tx.key_values.put("key", "value"), seconds=0.3)
    assert [transport.is_closing() for transport in transports] == [True] * len(transports)
    proxy.is_silent = False


async def test_a_connection_in_use_beside_a_silent_one_is_closed_with_the_database(
    proxied: tuple[Database, TcpProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes back to the pool that it came from, which must not have been given up meanwhile."""
    database, proxy = proxied
    await database.engine.dispose()  # every connection is a new one, which is noted
    transports = noted(monkeypatch, proxy)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def unit(tx: Transaction) -> None:
        await tx.outbox.counts()
        begun.set()
        await go_on.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(database.read(unit))
        await begun.wait()
        proxy.is_silent = True
        writing = database.write(lambda tx: tx.key_values.put("key", "value"), seconds=1.0, exclusive=False)
        group.create_task(writing)
        while not database.silences:
            await asyncio.sleep(0.01)
        proxy.is_silent = False
        go_on.set()
    await database.close()
    assert [transport.is_closing() for transport in transports] == [True] * len(transports)


def noted(monkeypatch: pytest.MonkeyPatch, proxy: TcpProxy) -> list[asyncio.Transport]:
    """Return the list in which each further connection to the proxy will be."""
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def noting(*arguments: Any, **options: Any) -> Any:
        made = await connect(*arguments, **options)
        if made[0].get_extra_info("peername")[1] == proxy.port:  # not one of the proxy itself
            transports.append(made[0])
        return made

    transports: list[asyncio.Transport] = []
    monkeypatch.setattr(loop, "create_connection", noting)
    return transports


async def test_a_database_that_stays_silent_is_an_error(proxied: tuple[Database, TcpProxy]) -> None:
    database, proxy = proxied
    proxy.is_silent = True
    with pytest.raises(TimeoutError):
        await database.write(lambda tx: tx.key_values.put("key", "value"), seconds=0.3)
    proxy.is_silent = False


async def test_sockets_notice_a_lost_peer(postgres: MakeUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def noting(*arguments: Any, **options: Any) -> Any:
        made = await connect(*arguments, **options)
        sockets.append(made[0].get_extra_info("socket"))
        return made

    sockets: list[socket.socket] = []
    monkeypatch.setattr(loop, "create_connection", noting)
    database = await open_database(postgres())
    await database.read(lambda tx: tx.posts.count())
    sock = sockets[-1]
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    for name, value in engine.SOCKET.items():
        assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
    await database.close()
