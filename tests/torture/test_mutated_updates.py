"""5,000 mutated updates by polling and by webhook: no task restarts, memory stays, people are answered."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bench.live_bot import PATH, SECRET, Living, living
from tests.fakes.people import FakeTelegram
from tests.telegram.test_update_parser import UPDATES

pytestmark = pytest.mark.torture

COUNT, WARM_UP = 5000, 1000
MEMORY_MB = 15.0
ANSWERED = 1.0  # seconds
MUTATIONS = 3  # at most, in one update
PEOPLE = 5000  # and as many groups
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**70, 1e308, "", "x" * 5000, "\x00", "１", [], {}, [[]], [None],
    {"": {}},
)  # fmt: skip


def mutated(luck: random.Random, number: int) -> dict[str, Any]:
    """Return one of the sample updates with some of its values replaced, removed, repeated or nested."""
    sample = json.dumps(luck.choice(list(UPDATES.values())))
    # Of many people and chats: most would only meet the limits of one.
    person = 1000 + number % PEOPLE
    sample = sample.replace("-1005", str(-1_005_000_000 - person)).replace('"id": 5,', f'"id": {person},')
    update: dict[str, Any] = json.loads(sample)
    for _ in range(luck.randint(1, MUTATIONS)):
        holder, key = luck.choice(list(_places(update)))
        match luck.randrange(5):
            case 0:
                del holder[key]
            case 1:
                holder[key] = [deepcopy(holder[key]) for _ in range(luck.randint(1, 20))]
            case 2:
                holder[key] = {"message": holder[key]}
            case _:
                holder[key] = deepcopy(luck.choice(VALUES))
        if not update:
            break
    return {"update_id": number} | {name: value for name, value in update.items() if name != "update_id"}


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    children = list(node.items()) if isinstance(node, dict) else []
    for key, value in children:
        yield node, key
        yield from _places(value)


def updates(first: int, count: int) -> list[dict[str, Any]]:
    luck = random.Random(first)
    return [mutated(luck, first + each) for each in range(count)]


async def _polled(telegram: FakeTelegram, service: Living, given: list[dict[str, Any]]) -> None:
    del service
    telegram.world.updates += given
    telegram.world.tail = given[-1]["update_id"]
    telegram.world.changed()
    assert await telegram.world.until(lambda: not telegram.world.updates, 120)


async def _posted(telegram: FakeTelegram, service: Living, given: list[dict[str, Any]]) -> None:
    del telegram
    url = f"http://127.0.0.1:{service.webhook_port}{PATH}"
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    async with aiohttp.ClientSession(headers=headers) as session:
        for start in range(0, len(given), 100):
            async with asyncio.TaskGroup() as group:
                for each in given[start : start + 100]:
                    group.create_task(_post(session, url, json.dumps(each).encode()))


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> None:
    async with session.post(url, data=body) as answer:
        await answer.read()


@asynccontextmanager
async def serving(folder: Path, telegram: FakeTelegram, **settings: Any) -> AsyncIterator[Living]:
    """The service in a process of its own; the fake Telegram answers in this one meanwhile."""
    given: dict[str, Any] = {"bot_token": telegram.token, "rate_per_second": 0} | settings
    service = living(folder, telegram.server, **given)
    living_now = await asyncio.to_thread(service.__enter__)
    try:
        yield living_now
    finally:
        await asyncio.to_thread(service.__exit__, None, None, None)


@pytest.mark.parametrize("way", ["polling", "webhook"])
async def test_mutated_updates_change_nothing(tmp_path: Path, telegram: FakeTelegram, way: str) -> None:
    feed, settings = (_polled, {"webhook_url": ""}) if way == "polling" else (_posted, {})
    async with serving(tmp_path, telegram, **settings) as service:
        await feed(telegram, service, updates(1000, WARM_UP))
        await asyncio.sleep(2.0)
        before = service.memory_mb
        for first in range(10_000, 10_000 + COUNT, WARM_UP):
            await feed(telegram, service, updates(first, WARM_UP))
        await asyncio.sleep(2.0)
        grown = service.memory_mb - before
        asked = time.monotonic()
        question = {"update_id": 100_000} | json.loads(json.dumps(UPDATES["a command"]))
        question["message"]["chat"]["id"] = question["message"]["from"]["id"] = 4711
        question["message"]["text"] = "/help"
        question["message"]["entities"] = [{"type": "bot_command", "offset": 0, "length": 5}]
        await feed(telegram, service, [question])
        await telegram.message(4711, timeout=10)
        waited = time.monotonic() - asked
    log = (tmp_path / "service.log").read_text()
    assert "is restarted in" not in log
    assert grown < MEMORY_MB
    assert waited < ANSWERED
