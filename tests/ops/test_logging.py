"""Log lines for people and machines: whole, without secrets, tied to their matter."""

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any, Literal

import pytest

from bot.ops import logging as logging_module
from bot.ops.logging import QUIET, correlate, set_up_logs

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw-"


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """Where the root logger writes; afterwards the root logger and the library loggers are as before."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    filters = {handler: [*handler.filters] for handler in handlers}
    libraries = {name: logging.getLogger(name).level for name in QUIET}
    yield StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler in handlers:
        handler.filters[:] = filters[handler]
    for name, before in libraries.items():
        logging.getLogger(name).setLevel(before)


def objects(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_a_line(stream: StringIO) -> None:
    set_up_logs("INFO", "json", ["hush"], stream)
    log = logging.getLogger("bot.x")
    log.debug("not heard")
    log.info("《%s》\nis new", "生成扩散模型漫谈")
    try:
        raise OSError(f"/bot{TOKEN}/sendMessage said hush")
    except OSError:
        log.exception("failed")
    first, second = objects(stream)
    assert first["message"] == "《生成扩散模型漫谈》\nis new"
    assert (first["level"], first["logger"]) == ("INFO", "bot.x")
    assert first["time"].endswith("+00:00")
    assert "error" not in first
    assert "Traceback" in second["error"]
    assert "sendMessage said <secret>" in second["error"]


@pytest.mark.parametrize("form", ["human", "json"])
def test_no_secret_is_written(stream: StringIO, form: Literal["human", "json"]) -> None:
    set_up_logs("DEBUG", form, ["hush"], stream)
    logging.getLogger("bot").warning("token %s and %r", TOKEN, {"proxy": "http://me:hush@host"})
    assert TOKEN not in stream.getvalue()
    assert "hush" not in stream.getvalue()


def test_people_get_a_line_that_nobody_can_forge(stream: StringIO) -> None:
    set_up_logs("INFO", "human", [], stream)
    with correlate("dump 12"):
        logging.getLogger("bot.x").info("searched %s", "a\n2025 ERROR forged \x1b[31mred")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("INFO    bot.x [dump 12]  searched a\\n2025 ERROR forged \\x1b[31mred")


def test_a_traceback_for_people_keeps_its_lines(stream: StringIO) -> None:
    set_up_logs("INFO", "human", [], stream)
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("bot.x").exception("failed")
    lines = stream.getvalue().splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: odd"


async def test_a_trail_reaches_the_tasks_begun_on_it(stream: StringIO) -> None:
    set_up_logs("INFO", "json", [], stream)
    log = logging.getLogger("bot")

    async def deliver(number: int) -> None:
        with correlate(f"delivery {number}"):
            await asyncio.sleep(0)
            log.info("sent")

    with correlate("dump 12"):
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver(1))
            group.create_task(deliver(2))
        log.info("done")
    log.info("idle")
    assert [line.get("trail") for line in objects(stream)] == [
        "dump 12 / delivery 1",
        "dump 12 / delivery 2",
        "dump 12",
        None,
    ]
    assert logging_module._correlation_id.get() == ""


@pytest.mark.parametrize(
    ("level", "logger", "at", "heard"),
    [
        ("DEBUG", "bot.x", logging.DEBUG, True),
        ("INFO", "bot.x", logging.DEBUG, False),
        ("DEBUG", "telegram.ext", logging.INFO, False),
        ("DEBUG", "apscheduler.executors", logging.WARNING, True),
        ("ERROR", "telegram.ext", logging.WARNING, False),
    ],
)
def test_who_is_heard(stream: StringIO, level: str, logger: str, at: int, heard: bool) -> None:
    set_up_logs(level, "human", [], stream)
    logging.getLogger(logger).log(at, "word")
    assert ("word" in stream.getvalue()) is heard


def test_the_last_call_holds(stream: StringIO) -> None:
    old = StringIO()
    set_up_logs("INFO", "json", [], old)
    set_up_logs("INFO", "human", [], stream)
    logging.getLogger("bot").info("word")
    assert old.getvalue() == ""
    assert stream.getvalue().count("word") == 1
