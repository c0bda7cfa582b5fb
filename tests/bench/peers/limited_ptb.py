"""A broadcast loop with python-telegram-bot and its AIORateLimiter, which is set to 1,000 a second.

Arguments as JSON, the result as a line of JSON. Imports nothing of ours.
"""

import asyncio
import json
import sys
import time

from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest


async def main(url: str, token: str, text: str, first: int, count: int, slots: int) -> dict[str, float]:
    limiter = AIORateLimiter(overall_max_rate=1000, overall_time_period=1)
    request = HTTPXRequest(connection_pool_size=slots, pool_timeout=60)
    chats = iter(range(first, first + count))
    async with ExtBot(token, base_url=f"{url}/bot", request=request, rate_limiter=limiter) as bot:

        async def work() -> None:
            for chat_id in chats:
                await bot.send_message(chat_id, text, parse_mode="HTML")

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(slots)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {"count": count, "seconds": seconds, "cpu": cpu, "per_second": count / seconds}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(**json.loads(sys.argv[1])))) + "\n")
