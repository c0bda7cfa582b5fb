"""The proxy of compose.postgres.yaml before two replicas, one of which is stopped, killed or frozen."""

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.tools.postgres import MakeUrl, free_port
from tests.torture.fleet import Fleet, announced

COMPOSE = Path(__file__).parents[2] / "compose.postgres.yaml"
SECRET = "a-secret-of-the-test"
UPDATES = 30
FIRST_PERSON = 700_000
FIRST_UPDATE = 1000
REPEATED_FOR = 90.0  # seconds; Telegram repeats an update for a day

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed"),
]


def version() -> tuple[int, ...]:
    """Return Caddy's version. Before 2.7, a body that a kept connection has read is lost for the retry."""
    told = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, told.lstrip("v").split()[0].split(".")[:2]))


def caddyfile(port: int, replicas: dict[str, int]) -> str:
    """Return the Caddyfile of the compose file, for programs on this machine and without TLS."""
    content = dedent(COMPOSE.read_text().partition("    content: |\n")[2].partition("\nvolumes:")[0])
    content = content.replace("{$$DOMAIN}", f"http://127.0.0.1:{port}")
    for service, address in replicas.items():
        content = content.replace(f"{service}:8081", f"127.0.0.1:{address}")
    if version() < (2, 7):  # the older name of the option, without a size
        content = re.sub(r"request_buffers \S+", "buffer_requests", content)
    return "{\n  admin off\n}\n" + content


@contextmanager
def proxy(folder: Path, replicas: dict[str, int]) -> Iterator[str]:
    """Run Caddy; yield the address to which Telegram would send updates."""
    port = free_port()
    file = folder / "Caddyfile"
    file.write_text(caddyfile(port, replicas))
    with (folder / "caddy.txt").open("w") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"], stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}/telegram"
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True, slots=True)
class Response:
    """The status, 0 without a response; and whether it carries the answer to the person."""

    status: int
    carries_answer: bool = False


def post(address: str, number: int) -> Response:
    """Bring one person's question."""
    person = {"id": FIRST_PERSON + number, "is_bot": False, "first_name": "Reader", "language_code": "en"}
    message = {
        "message_id": 1,
        "date": int(time.time()),
        "chat": {"id": person["id"], "type": "private", "first_name": "Reader"},
        "from": person,
        "text": "/latest",
        "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
    }
    request = urllib.request.Request(
        address,
        json.dumps({"update_id": FIRST_UPDATE + number, "message": message}).encode(),
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Response(response.status, carries_answer=b"chat_id" in response.read())
    except urllib.error.HTTPError as error:
        return Response(error.code)
    except OSError:
        return Response(0)


def bring(address: str, number: int) -> list[Response]:
    """Return the responses to one update, which is repeated until it is taken, as Telegram does."""
    end, responses = time.monotonic() + REPEATED_FOR, [post(address, number)]
    while responses[-1].status != 200 and time.monotonic() < end:
        time.sleep(1)
        responses.append(post(address, number))
    return responses


def answered(ships: Fleet, responses: list[list[Response]]) -> list[int]:
    """Return who was answered by a request or by a response to the webhook, once for each message."""
    assert ships.log is not None
    people = range(FIRST_PERSON, FIRST_PERSON + UPDATES)
    by_request = [row["chat"] - FIRST_PERSON for row in ships.log.taken() if row["chat"] in people]
    by_response = [number for number, each in enumerate(responses) if each[-1].carries_answer]
    return sorted(by_request + by_response)


@pytest.mark.parametrize(
    ("how", "at_once"),
    [(signal.SIGTERM, True), (signal.SIGKILL, True), (signal.SIGSTOP, False)],
    ids=["stopped", "killed", "frozen"],
)
def test_no_update_is_lost_when_one_of_two_replicas_is_gone(
    tmp_path: Path, postgres: MakeUrl, how: signal.Signals, at_once: bool
) -> None:
    """A dead replica costs no repetition; a frozen one at most some of Telegram's own.

    Caddy before 2.7 loses the bodies of some requests, which it then answers itself, some with 200: there
    only what reached a replica counts.
    """
    ports = {"bot": free_port(), "second": free_port()}
    settings: dict[str, object] = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_HOST": "127.0.0.1"}
    with (
        announced(tmp_path, postgres(), 1, settings=settings) as ships,
        proxy(tmp_path, ports) as address,
    ):
        for name, port in ports.items():
            ships.start(name, WEBHOOK_URL=address, WEBHOOK_PORT=port)
        for name in ports:
            ships.until(lambda name=name: ships.lives(name))  # type: ignore[misc]
        ships.until(lambda: bring(address, UPDATES)[-1].status == 200)
        ships.tell("bot", how)
        if how is signal.SIGTERM:
            assert ships.members["bot"].wait(40) == 0
        with ThreadPoolExecutor(UPDATES) as threads:
            responses = list(threads.map(lambda number: bring(address, number), range(UPDATES)))
        seen = ships.ask("SELECT update_id FROM updates WHERE update_id < $1", FIRST_UPDATE + UPDATES)
        reached = sorted(row[0] - FIRST_UPDATE for row in seen)
        ships.until(lambda: len(answered(ships, responses)) >= len(reached))
        time.sleep(1)  # for a second answer, which must not come
        people = answered(ships, responses)
    assert [each[-1].status for each in responses] == [200] * UPDATES
    assert people == reached
    if version() >= (2, 7):
        assert reached == list(range(UPDATES))
        assert not at_once or all(len(each) == 1 for each in responses)
