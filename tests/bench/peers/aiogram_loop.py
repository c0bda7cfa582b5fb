"""A broadcast loop with aiogram: arguments as JSON, the result as a line of JSON. Imports nothing of ours."""

import asyncio
import json
import sys
import time

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer


async def main(url: str, token: str, text: str, first: int, count: int, slots: int) -> dict[str, float]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(url), limit=slots)
    chats = iter(range(first, first + count))
    async with Bot(token, session=session) as bot:

        async def work() -> None:
            for chat_id in chats:
                await bot.send_message(chat_id, text, parse_mode="HTML")

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(slots)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {"count": count, "seconds": seconds, "cpu": cpu, "per_second": count / seconds}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(**json.loads(sys.argv[1])))) + "\n")
