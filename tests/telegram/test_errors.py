"""Every way a send can end, over python-telegram-bot and the real wire, and what it means for the message."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from bot.telegram.errors import outcome_of
from bot.telegram.http_request import AiohttpRequest
from storage.model import Fault, Gone, InDoubt, Moved, Outcome, Pause, Rejected, RetryLater, Sent
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import (
    Reply,
    cut_after,
    cut_before,
    cut_body,
    delay,
    empty,
    error,
    flood,
    garbage,
    migrated,
    page,
)
from tests.telegram.conftest import bot_over, listener

CHAT = -1001
Refuse = Callable[[str], Outcome]


def refused(fault: Fault) -> Refuse:
    return lambda reason: Rejected(reason, fault)


def bad(words: str) -> Reply:
    return error(400, f"Bad Request: {words}")


def forbidden(words: str) -> Reply:
    return error(403, f"Forbidden: {words}")


CHAT_FAULT = refused(Fault.CHAT)
CONTENT, TOPIC, RIGHTS = refused(Fault.CONTENT), refused(Fault.TOPIC), refused(Fault.RIGHTS)
TARGET, OTHER, METHOD = refused(Fault.TARGET), refused(Fault.OTHER), refused(Fault.METHOD)


def paused(seconds: float, pause: Pause) -> Refuse:
    return lambda reason: RetryLater(seconds, reason, pause=pause)


def flooded(seconds: float) -> Refuse:
    return lambda reason: RetryLater(seconds, reason, flood=True)


# Some gateways answer every request with 200.
TOO_FAST_AS_200 = '{"ok":false,"error_code":429,"description":"Too Many","parameters":{"retry_after":46}}'
BLOCKED_AS_200 = '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'

ANSWERS: list[tuple[Reply, Refuse]] = [
    (forbidden("bot was blocked by the user"), Gone),
    (forbidden("user is deactivated"), Gone),
    (forbidden("bot can't initiate conversation with a user"), Gone),
    (forbidden("bot was kicked from the group chat"), Gone),
    (forbidden("bot was kicked from the supergroup chat"), Gone),
    (forbidden("bot was kicked from the channel chat"), Gone),
    (forbidden("bot is not a member of the supergroup chat"), Gone),
    (forbidden("bot is not a member of the channel chat"), Gone),
    (forbidden("the group chat was deleted"), Gone),
    (forbidden("the bot can't send messages to the bot"), Gone),
    (forbidden("something new"), RIGHTS),
    (bad("chat not found"), CHAT_FAULT),
    (bad("private chat not found"), CHAT_FAULT),
    (bad("CHANNEL_INVALID"), CHAT_FAULT),
    (bad("CHANNEL_PRIVATE"), Gone),
    (error(406, "CHANNEL_PRIVATE"), Gone),
    (bad("group chat was upgraded to a supergroup chat"), Gone),
    (migrated(-1002), lambda _: Moved(-1002)),
    (bad("not enough rights to send text messages to the chat"), RIGHTS),
    (bad("have no rights to send a message"), RIGHTS),
    (bad("need administrator rights in the channel chat"), RIGHTS),
    (bad("have no write access to the chat"), RIGHTS),
    (bad("CHAT_WRITE_FORBIDDEN"), RIGHTS),
    (bad("CHAT_RESTRICTED"), RIGHTS),
    (bad("CHAT_SEND_PLAIN_FORBIDDEN"), RIGHTS),
    (bad("USER_BANNED_IN_CHANNEL"), RIGHTS),
    (bad("ALLOW_PAYMENT_REQUIRED_10"), RIGHTS),
    (bad("message thread not found"), TOPIC),
    (bad("TOPIC_CLOSED"), TOPIC),
    (bad("TOPIC_DELETED"), TOPIC),
    (bad("message to edit not found"), TARGET),
    (bad("message to be replied not found"), TARGET),
    (bad("message can't be edited"), TARGET),
    (bad("MESSAGE_ID_INVALID"), TARGET),
    (bad('can\'t parse entities: Unsupported start tag "p" at byte offset 0'), CONTENT),
    (bad("message is too long"), CONTENT),
    (bad("message caption is too long"), CONTENT),
    (bad("MESSAGE_TOO_LONG"), CONTENT),
    (bad("message text is empty"), CONTENT),
    (bad("reply markup is too long"), CONTENT),
    (bad("BUTTON_DATA_INVALID"), CONTENT),
    (bad("inline keyboard button URL 'x' is invalid: Wrong HTTP URL"), CONTENT),
    (bad("inline keyboard button Web App URL 'x' is invalid: Wrong HTTP URL"), CONTENT),
    (bad("RICH_MESSAGE_TEXT_TOO_LONG"), CONTENT),
    (bad("RICH_MESSAGE_EMAIL_INVALID"), CONTENT),
    (bad("RICH_VALIDATE_CTOR_NOT_ALLOWED"), CONTENT),
    (bad("rich message must be non-empty"), CONTENT),
    (bad("can't parse InputRichBlock: Can't find field \"cells\""), CONTENT),
    (bad("not enough rights to send the rich message to the chat"), CONTENT),
    (bad("not enough rights to send photos to the chat"), CONTENT),
    (bad("PHOTO_INVALID_DIMENSIONS"), CONTENT),
    (bad("strings must be encoded in UTF-8"), CONTENT),
    (error(413, "Request Entity Too Large"), CONTENT),
    (bad("something new"), OTHER),
    (error(406, "Not Acceptable: something new"), OTHER),
    (error(400, "Logged out"), paused(60.0, Pause.BOT)),
    (error(421, "Misdirected Request: unallowed token specified"), paused(60.0, Pause.BOT)),
    (bad("FROZEN_METHOD_INVALID"), paused(60.0, Pause.BOT)),
    (bad("BALANCE_TOO_LOW"), paused(60.0, Pause.BOT)),
    (bad("message is not modified: specified new message content is the same"), lambda _: Sent(None)),
    (flood(234), flooded(234.0)),
    (flood(10_072), flooded(10_072.0)),
    (error(429, "Too Many Requests: retry after 9"), flooded(9.0)),
    (error(429, "Too Many Requests"), flooded(5.0)),
    (error(500, "Internal Server Error: restart"), InDoubt),
    (error(502, "Bad Gateway"), InDoubt),
    (error(504, "Gateway Timeout"), InDoubt),
    (error(401, "Unauthorized"), paused(60.0, Pause.TOKEN)),
    (error(404, "Not Found"), paused(60.0, Pause.TOKEN)),
    (error(404, "Not Found: method not found"), METHOD),
    (error(409, "Conflict: terminated by other getUpdates request"), paused(30.0, Pause.CHAT)),
    (page(502), InDoubt),
    (page(302), InDoubt),
    (page(400), flooded(30.0)),
    (page(401), flooded(30.0)),
    (page(403), flooded(30.0)),
    (page(404), flooded(30.0)),
    (page(429), flooded(30.0)),
    (page(405), flooded(30.0)),
    (page(407), flooded(30.0)),
    (page(451), flooded(30.0)),
    (page(408), InDoubt),
    (page(499), InDoubt),
    (page(413), CONTENT),
    (garbage, InDoubt),
    (empty, InDoubt),
    (page(200, TOO_FAST_AS_200), flooded(46.0)),
    (page(200, BLOCKED_AS_200), Gone),
    (page(200, '{"ok": false, "description": "who knows"}'), InDoubt),
    (page(200, "{}"), InDoubt),
    (page(200, "[]"), InDoubt),
    (cut_before, InDoubt),
    (cut_after, InDoubt),
    (cut_body, InDoubt),
    (delay(5.0), InDoubt),
]


@pytest.mark.parametrize(("reply", "expected"), ANSWERS, ids=range(len(ANSWERS)))
async def test_an_answer_means(telegram: FakeTelegram, reply: Reply, expected: Refuse) -> None:
    telegram.answers("*", reply)
    typed = await outcome(telegram, lambda bot: bot.send_message(CHAT, "x"))
    telegram.answers("*", reply)
    untyped = await outcome(
        telegram, lambda bot: bot.do_api_request("sendRichMessage", {"chat_id": CHAT}), initialised=True
    )
    for verdict in (typed, untyped):
        assert verdict == expected(getattr(verdict, "reason", ""))
        assert telegram.token not in str(verdict)
    assert len(telegram.calls("sendMessage")) == (reply != cut_before)  # no second try below the outbox


async def test_a_server_without_rich_messages_says_so() -> None:
    async with FakeTelegram(rich=False) as telegram:
        verdict = await outcome(
            telegram, lambda bot: bot.do_api_request("sendRichMessage", {"chat_id": CHAT}), initialised=True
        )
    assert verdict == Rejected("Not Found: method not found", Fault.METHOD)


@pytest.mark.parametrize("setting", ["0", "1"])
@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
def test_reads_both_kinds_of_retry_after(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", setting)
    verdict = outcome_of(RetryAfter(7))
    assert isinstance(verdict, RetryLater)
    assert (verdict.seconds, verdict.flood) == (7.0, True)


async def test_text_that_cannot_be_encoded_is_refused_before_it_leaves(telegram: FakeTelegram) -> None:
    verdict = await outcome(telegram, lambda bot: bot.send_message(CHAT, "\ud800"))
    assert verdict == Rejected("Strings must be encoded in utf-8", Fault.CONTENT)
    assert telegram.calls() == []


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyError("result"), TypeError("?")])
def test_what_is_not_telegrams_leaves_everything_open(error: BaseException) -> None:
    assert isinstance(outcome_of(error), InDoubt)


@dataclass(frozen=True)
class Route:
    """A way to a server that is never reached."""

    name: str
    base: str
    wire: dict[str, Any] = field(default_factory=dict)


async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def unwilling_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "route",
    [
        Route("no such host", "http://nowhere.invalid/bot"),
        Route("refused", "http://127.0.0.1:1/bot"),
        Route("no handshake", "https://127.0.0.1:{deaf}/bot"),
        Route("not TLS", "https://127.0.0.1:{proxy}/bot"),
        Route("proxy refused", "http://kexue.fm/bot", {"proxy": "http://u:secret@127.0.0.1:1"}),
        Route("proxy says no", "https://kexue.fm/bot", {"proxy": "http://u:secret@127.0.0.1:{proxy}"}),
    ],
    ids=lambda route: route.name,
)
async def test_a_request_that_never_left_waits(telegram: FakeTelegram, route: Route) -> None:
    async with listener(deaf) as deaf_port, listener(unwilling_proxy) as proxy_port:
        ports = {"deaf": deaf_port, "proxy": proxy_port}
        options = {key: value.format(**ports) for key, value in route.wire.items()}
        wire = AiohttpRequest(
            connections=1, read_timeout=5.0, connect_timeout=0.2, pool_timeout=0.2, **options
        )
        async with wire:
            verdict = await sending(bot_over(wire, route.base.format(**ports), telegram.token))
    assert verdict == RetryLater(5.0, getattr(verdict, "reason", ""), pause=Pause.BOT)
    assert not any(secret in str(verdict) for secret in (telegram.token, "secret"))


async def test_a_request_that_found_no_free_connection_waits(telegram: FakeTelegram) -> None:
    telegram.answers("sendMessage", delay(0.6))
    wire = AiohttpRequest(connections=1, read_timeout=5.0, connect_timeout=0.1, pool_timeout=0.1)
    async with wire, asyncio.TaskGroup() as tasks:
        bot = bot_over(wire, telegram.url, telegram.token)
        first = tasks.create_task(sending(bot))
        await telegram.message(CHAT)
        second = await sending(bot)
    assert isinstance(second, RetryLater)
    assert isinstance(first.result(), Sent)
    assert len(telegram.messages()) == 1


async def outcome(
    telegram: FakeTelegram, send: Callable[[Bot], Any], *, initialised: bool = False
) -> Outcome:
    """How `send` ends over a wire of its own, which gives up on an answer after a third of a second."""
    wire = AiohttpRequest(connections=2, read_timeout=0.3)
    async with wire:
        bot = bot_over(wire, telegram.url, telegram.token)
        bot._bot_initialized = initialised
        return await sending(bot, send)


async def sending(bot: Bot, send: Callable[[Bot], Any] = lambda bot: bot.send_message(CHAT, "x")) -> Outcome:
    try:
        sent = await send(bot)
    except Exception as error:
        return outcome_of(error)
    return Sent(sent.message_id)
