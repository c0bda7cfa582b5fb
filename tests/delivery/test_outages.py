"""Outages of every kind: what was pending arrives by itself, at most twice.

The outbox, the worker and the transport's classification are real; the server and the time are not.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from telegram import Bot
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.delivery.circuit_breaker import TRIPPING
from bot.delivery.composer import ArchiveComposer
from bot.delivery.messenger import RichCapability, TelegramMessenger
from bot.delivery.retry_policy import DeliveryConfig
from bot.delivery.worker import DeliveryWorker
from bot.intake.ingest import IngestRules, ingest
from bot.maintenance import Maintenance, end_lost_claims
from bot.ops.metrics import Metrics, make_registry
from bot.rate_limit import ClaimedDelivery, Postponed
from bot.rate_limit.in_process import RateLimiter
from bot.rate_limit.scheduler import Limits, SendScheduler
from bot.telegram.http_request import NotSentError, SendGate, acquire
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Dump, State
from tests.fakes.virtual_time import VirtualClock, run
from tests.fakes.world import TOKEN
from tests.tools.databases import url_in
from tests.tools.dumps import Shown, listing

pytestmark = pytest.mark.sqlite_only  # virtual time does not wait for the answers of a server

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
CHATS = range(1, 31)
OPERATOR = 900
SLOTS = 10
BOT = b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"b","username":"b"}}'
HTML = b"<html><body>no</body></html>"
Answer = tuple[int, bytes]
Fault = Callable[["Server", int], Awaitable[Answer]]


def refusal(code: int, description: str, **parameters: object) -> Answer:
    body = {"ok": False, "error_code": code, "description": description}
    return code, json.dumps(body | ({"parameters": parameters} if parameters else {})).encode()


@dataclass
class Server(BaseRequest):
    """The Bot API behind the library's request interface; `copies` counts the messages of a chat.

    A fault spares some methods.
    """

    fault: Fault | None = None
    spared: tuple[str, ...] = ()
    copies: Counter[tuple[int, str]] = field(default_factory=Counter)
    patience: float = 45.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    @property
    def read_timeout(self) -> float:
        return 45.0

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = None,
        write_timeout: object = None,
        connect_timeout: object = None,
        pool_timeout: object = None,
    ) -> Answer:
        sends = not url.endswith("/getMe")
        fields = json.loads(request_data.body) if sends else {}  # type: ignore[union-attr]
        if url.endswith("/sendMessage"):
            gate = request_data.gate  # type: ignore[union-attr]
            await acquire(gate)
            gate.mark_sent()
        self.patience = read_timeout if isinstance(read_timeout, float) else 45.0
        await asyncio.sleep(0.05)
        chat_id = fields.get("chat_id", 0)
        self.text = fields.get("text", "")
        if self.fault is not None and not url.endswith(self.spared):
            return await self.fault(self, chat_id)
        if not sends:
            return 200, BOT
        self.take(chat_id, self.text)
        return 200, b'{"ok":true,"result":{"message_id":1}}'

    def take(self, chat_id: int, text: str) -> None:
        """Show this message to the chat."""
        if text:
            self.copies[chat_id, text.partition("</b>")[0]] += 1


def answers(status: int, body: bytes) -> Fault:
    async def fault(_: Server, _chat_id: int) -> Answer:
        return status, body

    return fault


def not_sent(error: str) -> Fault:
    async def fault(_: Server, _chat_id: int) -> Answer:
        raise NotSentError(error)

    return fault


async def cut(server: "Server", chat_id: int) -> Answer:
    """The server takes the message, and its answer is lost."""
    server.take(chat_id, server.text)
    raise NetworkError("ServerDisconnectedError: Server disconnected")


async def hang(server: "Server", chat_id: int) -> Answer:
    """The server takes the message and never answers."""
    server.take(chat_id, server.text)
    await asyncio.sleep(server.patience)
    raise TimedOut("no whole answer")


FAULTS: dict[str, Fault] = {
    "connection refused": not_sent("ClientConnectorError: refused"),
    "no address for the name": not_sent("ClientConnectorDNSError: Name or service not known"),
    "no answer": hang,
    "cut after the request": cut,
    "gateway page": answers(502, HTML),
    "empty body": answers(200, b""),
    "unavailable, in JSON": answers(*refusal(500, "Internal Server Error: restart")),
    "token refused": answers(*refusal(401, "Unauthorized")),
    "bot not found": answers(*refusal(404, "Not Found")),
    "firewall page": answers(403, HTML),
    "proxy's page": answers(407, HTML),
    "logged out": answers(*refusal(400, "Logged out")),
    "bot elsewhere": answers(*refusal(421, "Misdirected Request: unallowed token specified")),
    "frozen": answers(*refusal(400, "Bad Request: FROZEN_METHOD_INVALID")),
    "refused in unknown words": answers(*refusal(400, "Bad Request: SOMETHING_NEW")),
    "login page": answers(200, HTML),
    "flood": answers(*refusal(429, "Too Many Requests: retry after 300", retry_after=300)),
    "flood without a time": answers(*refusal(429, "Too Many Requests")),
    "chats not found": answers(*refusal(400, "Bad Request: chat not found")),
}


class Delivering:
    """The part of the service that sends, over its restarts."""

    def __init__(self, database: Database, server: Server, limiter: type[RateLimiter] = RateLimiter) -> None:
        self.database = database
        self.server = server
        self.limiter = limiter
        self.clock = VirtualClock()
        self._task: asyncio.Task[None] | None = None
        self.worker: DeliveryWorker

    async def starts(self) -> None:
        bot = Bot(TOKEN, request=self.server, get_updates_request=self.server)
        log = self.database.send_log()
        await end_lost_claims(self.database, log, self.clock.now(), resend=True)
        metrics = Metrics(make_registry(), version="")
        limits = Limits(per_second=30, private_gap=1.0, group_per_minute=20)
        self.worker = DeliveryWorker(
            self.database,
            TelegramMessenger(bot),
            ArchiveComposer(
                self.database, self.clock, bot="b", rich=RichCapability(self.clock, wanted=False)
            ),
            self.limiter(self.database, SendScheduler(limits), self.clock, metrics),
            self.clock,
            DeliveryConfig(slots=SLOTS, admins=(OPERATOR,)),
            metrics=metrics,
            send_log=log,
        )
        self._task = asyncio.get_running_loop().create_task(self.worker.run())

    async def is_killed(self) -> None:
        """Stop in the middle of everything."""
        if self._task is not None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def counts(self) -> dict[State, int]:
        return await self.database.read(lambda tx: tx.outbox.counts())

    async def lands(self, title: str, day: date) -> None:
        dump = Dump(
            name=f"{title}.txt",
            content=listing(Shown(title=title, day=day, excerpt=f"{title}的摘要，为测试而写。")).encode(),
            captured_at=self.clock.now(),
        )
        await ingest(self.database, dump, IngestRules(), self.clock.now())
        self.worker.wake()


async def subscribe(tx: Transaction, clock: VirtualClock) -> None:
    everything = (await tx.scopes.everything()).id
    for chat_id in CHATS:
        made = await tx.destinations.ensure(chat_id, None, ChatKind.PRIVATE, "A chat", clock.now())
        await tx.destinations.subscribe(made.id, everything, clock.now())


async def outage(
    url: str,
    databases: list[Database],
    fault: Fault,
    seconds: float,
    *,
    restart: bool,
    spared: tuple[str, ...],
) -> None:
    """The server answers the `spared` methods meanwhile."""
    database = await open_database(url)
    databases.append(database)
    server = Server(spared=spared)
    delivering = Delivering(database, server)
    await database.write(lambda tx: subscribe(tx, delivering.clock))
    await delivering.starts()
    await delivering.lands("the first one is not announced", date(2026, 11, 1))
    await delivering.lands("甲", date(2026, 11, 20))
    await asyncio.sleep(0.5)  # within the fan-out
    server.fault = fault
    await asyncio.sleep(seconds / 2)
    await delivering.lands("乙", date(2026, 11, 21))
    if restart:
        await delivering.is_killed()
        await delivering.starts()
    await asyncio.sleep(seconds / 2)
    maintenance = Maintenance(database, delivering.clock, max_age=timedelta(days=14), keep=timedelta(days=90))
    await maintenance.prune()
    server.fault = None
    ended = delivering.clock.monotonic()
    while _arrived(server) < 2 * len(CHATS) or (await delivering.counts()).get(State.PENDING):
        await asyncio.sleep(5.0)
        waited = delivering.clock.monotonic() - ended
        assert waited < HOUR, f"{await delivering.counts()}, {_arrived(server)} of {2 * len(CHATS)} arrived"
    assert max(server.copies.values()) <= 2
    await delivering.is_killed()
    await database.close()


def _arrived(server: Server) -> int:
    return sum(chat_id != OPERATOR for chat_id, _ in server.copies)


async def waiting_behind(url: str, databases: list[Database]) -> None:
    """Two posts: the first one is tried again ever later, the second one waits behind it."""
    database = await open_database(url)
    databases.append(database)
    delivering = Delivering(database, Server(fault=FAULTS["chats not found"]))
    await database.write(lambda tx: subscribe(tx, delivering.clock))
    await delivering.starts()
    for title in ("the first one is not announced", "甲", "乙"):
        await delivering.lands(title, date(2026, 11, 20))
    await asyncio.sleep(HOUR)
    before = delivering.clock.asked
    await asyncio.sleep(HOUR)
    assert delivering.clock.asked - before < HOUR, "once in five seconds, a few times in each turn"
    await delivering.is_killed()
    await database.close()


def test_what_waits_behind_another_delivery_keeps_nobody_busy(tmp_path: Path) -> None:
    databases: list[Database] = []
    url = url_in(tmp_path)
    run(lambda: waiting_behind(url, databases), lambda: any(database._running for database in databases))


class FailingOnce(RateLimiter):
    """Fails before the first request, as one does that finds no database."""

    fails = True

    async def acquire(self, claimed: ClaimedDelivery) -> SendGate | Postponed:
        if self.fails:
            self.fails = False
            raise OSError("the database is away")
        return await super().acquire(claimed)


async def error_in_a_trial(url: str, databases: list[Database]) -> None:
    database = await open_database(url)
    databases.append(database)
    server = Server()
    delivering = Delivering(database, server, FailingOnce)
    await database.write(lambda tx: subscribe(tx, delivering.clock))
    await delivering.starts()
    await asyncio.sleep(1.0)
    delivering.worker.breaker.resume(delivering.clock.monotonic(), TRIPPING)
    for title in ("the first one is not announced", "甲"):
        await delivering.lands(title, date(2026, 11, 20))
    await asyncio.sleep(MINUTE)
    assert _arrived(server) == len(CHATS)
    await delivering.is_killed()
    await database.close()


def test_an_error_in_a_trial_does_not_end_sending(tmp_path: Path) -> None:
    databases: list[Database] = []
    url = url_in(tmp_path)
    run(lambda: error_in_a_trial(url, databases), lambda: any(database._running for database in databases))


async def one_hangs(server: "Server", chat_id: int) -> Answer:
    if chat_id == CHATS[0]:
        return await hang(server, chat_id)
    server.take(chat_id, server.text)
    return 200, b'{"ok":true,"result":{"message_id":1}}'


async def silent_chat(url: str, databases: list[Database]) -> None:
    database = await open_database(url)
    databases.append(database)
    server = Server(fault=one_hangs, spared=ACCOUNT)
    delivering = Delivering(database, server)
    await database.write(lambda tx: subscribe(tx, delivering.clock))
    await delivering.starts()
    for title in ("the first one is not announced", "甲"):
        await delivering.lands(title, date(2026, 11, 20))
    await asyncio.sleep(1.5 * HOUR)
    told = [text for chat_id, text in server.copies if chat_id == OPERATOR]
    assert len(told) == 1
    assert "1 个会话一小时没有回应" in told[0]
    await delivering.is_killed()
    await database.close()


def test_the_operators_hear_of_a_chat_that_is_silent_for_an_hour(tmp_path: Path) -> None:
    databases: list[Database] = []
    url = url_in(tmp_path)
    run(lambda: silent_chat(url, databases), lambda: any(database._running for database in databases))


NOTHING: tuple[str, ...] = ()
ACCOUNT = ("/getMe",)
ALL_BUT_MESSAGES = ("/getMe", "/sendChatAction")
KINDS = (
    [(fault, NOTHING) for fault in FAULTS]
    + [(fault, ACCOUNT) for fault in ("no answer", "cut after the request", "gateway page", "firewall page")]
    + [(fault, ALL_BUT_MESSAGES) for fault in ("no answer", "gateway page", "frozen")]
)


@pytest.mark.parametrize("restart", [False, True], ids=["one process", "restarted"])
@pytest.mark.parametrize(("fault", "spared"), KINDS, ids=str)
def test_everything_arrives_after_ten_minutes(
    tmp_path: Path, fault: str, spared: tuple[str, ...], restart: bool
) -> None:
    in_virtual_time(tmp_path, fault, 10 * MINUTE, restart=restart, spared=spared)


def in_virtual_time(
    folder: Path, fault: str, seconds: float, *, restart: bool, spared: tuple[str, ...]
) -> None:
    databases: list[Database] = []
    url = url_in(folder)
    run(
        lambda: outage(url, databases, FAULTS[fault], seconds, restart=restart, spared=spared),
        lambda: any(database._running for database in databases),
    )
