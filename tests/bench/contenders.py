"""The same fan-out by what people use today: a loop over the chats that sends and forgets.

A separate program: takes `name`, `url`, `count` and `slots` as JSON, prints one line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
from telegram import Bot
from telegram.request import HTTPXRequest

from tests.bench.fill import FIRST_CHAT
from tests.bench.invented_posts import excerpt_of, title_of
from tests.bench.server_process import TOKEN

Send = Callable[[int], Awaitable[object]]

LINK = f'<b><a href="https://kexue.fm/archives/1">{title_of(201)}</a></b>'
TEXT = f"{LINK}\n\n<blockquote>{excerpt_of(2)[:400]}</blockquote>"


async def fan_out(send: Send, count: int, slots: int) -> dict[str, float]:
    """`count` messages by `slots` workers, as a broadcast command does it."""
    chats = iter(range(FIRST_CHAT, FIRST_CHAT + count))

    async def work() -> None:
        for chat_id in chats:
            await send(chat_id)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(slots)))
    seconds = time.perf_counter() - begun
    cpu = time.process_time() - cpu
    return {"count": count, "seconds": seconds, "cpu": cpu, "per_second": count / seconds}


async def plain_ptb(url: str, count: int, slots: int) -> dict[str, float]:
    bot = Bot(TOKEN, base_url=f"{url}/bot", request=HTTPXRequest(connection_pool_size=slots, pool_timeout=60))
    async with bot:
        return await fan_out(lambda chat: bot.send_message(chat, TEXT, parse_mode="HTML"), count, slots)


async def bare_aiohttp(url: str, count: int, slots: int) -> dict[str, float]:
    """No library, no rows, no pacing: what this machine can post at all."""
    target = f"{url}/bot{TOKEN}/sendMessage"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=slots)) as session:

        async def send(chat: int) -> None:
            body = {"chat_id": chat, "text": TEXT, "parse_mode": "HTML"}
            async with session.post(target, json=body) as response:
                await response.json()

        return await fan_out(send, count, slots)


CONTENDERS = {"PTB": plain_ptb, "bare aiohttp": bare_aiohttp}

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps(asyncio.run(CONTENDERS[given.pop("name")](**given))) + "\n")
