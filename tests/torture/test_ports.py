"""Ports under idle and half-sent connections, with 1,024 open files at most."""

import asyncio
import logging
import signal
from pathlib import Path

import pytest

from tests.torture.crowds import HOST, SECRET, Answers, ask, crowd, free_port, update
from tests.torture.runs import scene

pytestmark = pytest.mark.torture

SECONDS = 15
PERSON = 7_000_000  # the first of as many people as requests: one chat gets one message a second


@pytest.mark.parametrize("attacked", ["the webhook", "both ports"])
def test_two_thousand_idle_connections_delay_no_answer(tmp_path: Path, attacked: str) -> None:
    with scene(tmp_path, 200) as here:
        webhook, health = free_port(), free_port()
        here.start(
            open_files=1024,
            RATE_PER_SECOND="30",
            HTTP_PORT=health,
            WEBHOOK_URL=f"http://{HOST}:{webhook}/telegram",
            WEBHOOK_HOST=HOST,
            WEBHOOK_PORT=webhook,
            WEBHOOK_SECRET=SECRET,
        )
        here.until(lambda: here.server.count() > 0)
        ports = [webhook] if attacked == "the webhook" else [webhook, health]
        with crowd(*ports):
            ready, pushed = asyncio.run(ask_both(webhook, health))
        here.until(here.settled)
        log = here.folder / "bot.log"
        grown = log.stat().st_size
        here.end(signal.SIGTERM)
        answered = [
            each["at"] for each in here.server.taken() if PERSON <= each["chat"] < PERSON + 2 * SECONDS
        ]
        lost = here.count().lost
    logging.info("readyz %.2f s, webhook %.2f s", max(ready.seconds), max(pushed.seconds))
    logging.info("the log grew %s bytes", grown)
    assert ready.statuses == [200] * len(ready.statuses)
    assert max(ready.seconds) < 1
    assert pushed.statuses == [200] * len(pushed.statuses)
    assert max(pushed.seconds) < 2
    assert len(answered) == len(pushed.statuses)
    assert lost == 0
    assert grown * 60 / SECONDS < 1_000_000


async def ask_both(webhook: int, health: int) -> tuple[Answers, Answers]:
    """Ask /readyz and bring an update, twice a second."""
    ready, pushed = Answers(), Answers()
    await asyncio.sleep(3)
    for number in range(2 * SECONDS):
        body = update(1000 + number, PERSON + number, "/help")
        await asyncio.gather(
            ask(f"http://{HOST}:{health}/readyz", ready),
            ask(f"http://{HOST}:{webhook}/telegram", pushed, body),
            asyncio.sleep(0.5),
        )
    return ready, pushed
