"""Correlation ids in the log, from a dump to its messages, and no secret in any line."""

import json
import logging
import re
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from typing import Literal

import pytest

from bot.ops.logging import QUIET, set_up_logs
from tests.end_to_end.whole_bot import READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import flood
from tests.tools.dumps import Shown

OLD = Shown(title="让炼丹更科学一些（一）：SGD的平均损失收敛")
NEW = Shown(title="让炼丹更科学一些（二）：将结论推广到无界域")
BROKEN = "nothing of the blog"
SECRETIVE = "只有我自己知道的词"


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """Capture the log and restore it afterwards."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    libraries = {name: logging.getLogger(name).level for name in QUIET}
    yield StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in libraries.items():
        logging.getLogger(name).setLevel(before)


async def told(bot: WholeBot, telegram: FakeTelegram) -> dict[str, str]:
    """Push two dumps to two chats, once against a flood; return the correlation id of each file."""
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    await bot.subscribes(READER + 1)
    telegram.answers("sendMessage", flood(1), chat_id=READER)
    trails = {}
    for name, posts in {"second.txt": (OLD, NEW), "third.txt": (Shown(title="Muon续集"),)}.items():
        content = bot.lands(name, *posts).read_bytes()
        trails[name] = f"dump {sha256(content).hexdigest()[:12]}"
        await bot.settles()
    bot.lands("broken.txt", dump=BROKEN)
    await bot.says(SECRETIVE)
    await bot.settles()
    await bot.stops()
    return trails


@pytest.mark.parametrize("form", ["json", "human"])
async def test_a_dump_is_followed_to_its_messages(
    resting_bot: WholeBot, telegram: FakeTelegram, stream: StringIO, form: Literal["json", "human"]
) -> None:
    set_up_logs("DEBUG", form, [telegram.token], stream)
    trails = await told(resting_bot, telegram)
    lines = stream.getvalue().splitlines()
    for name, trail in trails.items():
        of_it = [line for line in lines if trail in line]
        assert any(f"took in {name}: 1 new" in line for line in of_it), of_it
        sent = [line for line in of_it if "sent: " in line]
        for chat in (READER, READER + 1):
            assert any(re.search(rf"delivery \d+ to {chat} as message \d+", line) for line in sent), of_it
    assert any("pending: delivery" in line and trails["second.txt"] in line for line in lines)
    refused = f"[dump {sha256(BROKEN.encode()).hexdigest()[:12]}]  broken.txt was not taken in"
    assert form == "json" or any(refused in line for line in lines)
    assert telegram.token.partition(":")[2] not in stream.getvalue()
    assert SECRETIVE not in stream.getvalue()
    if form == "json":
        trailed = [json.loads(line).get("trail") for line in lines]
        assert set(trails.values()) <= set(trailed)
