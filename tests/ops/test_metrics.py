"""What /metrics says of the whole bot: each figure moves when the thing happens, and none is never fed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from bot import VERSION
from bot.ops.metrics import Metrics, make_registry
from tests.end_to_end.whole_bot import OPERATOR, READER, WholeBot
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import Delay, flood
from tests.telegram.test_webhook import free_port
from tests.tools.databases import change
from tests.tools.dumps import Shown

OLD = Shown(title="最小熵原理（一）：无监督学习的原理")
NEW = Shown(title="最小熵原理（二）：当机立断之词库构建")
GROUP = -1_000_000_000_009
Do = Callable[[WholeBot], Awaitable[None]]


@pytest_asyncio.fixture
async def measured(telegram: FakeTelegram, tmp_path: Path) -> AsyncIterator[WholeBot]:
    bot = WholeBot(telegram, tmp_path, http_port=free_port(), backup_dir=tmp_path / "copies", max_in_flight=1)
    await bot.knows(OLD)
    await bot.starts()
    await bot.subscribes()
    yield bot
    await bot.stops()


async def figures(bot: WholeBot) -> dict[str, float]:
    """Every sample, by its name and the values of its labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.settings['http_port']}/metrics") as answer,
    ):
        text = await answer.text()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {" ".join([one.name, *one.labels.values()]): one.value for one in samples}


async def a_command(bot: WholeBot) -> None:
    await bot.says("/latest")


async def a_button(bot: WholeBot) -> None:
    said = await bot.says("/help")
    await bot.telegram.answer(bot.telegram.presses(said, said.buttons[0][0]))


async def words(bot: WholeBot) -> None:
    await bot.says("最小熵")


async def chatter(bot: WholeBot) -> None:
    bot.telegram.opens(GROUP, "supergroup")
    bot.telegram.user_says("hello", chat_id=GROUP)


async def a_dump(bot: WholeBot) -> None:
    bot.lands("news.txt", OLD, NEW)
    await bot.settles()


async def no_dump(bot: WholeBot) -> None:
    bot.lands("wrong.txt", dump="nothing of the blog")
    await bot.settles()


async def a_flood(bot: WholeBot) -> None:
    bot.telegram.answers("sendMessage", flood(1), chat_id=READER)
    bot.telegram.answers("sendRichMessage", flood(1), chat_id=READER)
    await a_dump(bot)


async def slow_answers(bot: WholeBot) -> None:
    await bot.subscribes(READER + 1)
    for method in ("sendMessage", "sendRichMessage"):
        bot.telegram.answers(method, Delay(2.0))
    bot.lands("news.txt", OLD, NEW)


async def a_source(bot: WholeBot) -> None:
    now = bot.service.clock.now()
    await bot.database.write(lambda tx: tx.dumps.keep_sources(["https://kexue.fm/feed"], now))


async def an_error(bot: WholeBot) -> None:
    """A table is gone that only a search needs."""
    # In a thread: the bot, which may be writing, must be able to go on.
    await asyncio.to_thread(change, bot.url, "DROP TABLE phrases")
    await bot.says("/search 熵")


async def no_request(bot: WholeBot) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", str(bot.settings["http_port"]))
    writer.write(b"SSH-2.0-x\r\n\r\n")
    assert b"400" in await reader.read()
    writer.close()
    await writer.wait_closed()


async def nothing(_bot: WholeBot) -> None:
    """What shows as soon as the bot runs."""


MOVES: dict[Do, tuple[str, ...]] = {
    a_command: ("kexue_updates_total command", "kexue_handler_seconds_count command"),
    a_button: ("kexue_updates_total button", "kexue_handler_seconds_count button"),
    words: ("kexue_updates_total words",),
    chatter: ("kexue_updates_total nothing for us",),
    a_dump: (
        "kexue_dumps_total taken", "kexue_posts", "kexue_tries_total post sent", "kexue_deliveries sent",
        "kexue_send_seconds_count", "kexue_pacing_seconds_count",
    ),
    no_dump: ("kexue_dumps_total refused",),
    a_flood: ("kexue_floods_total chat", "kexue_tries_total post later"),
    slow_answers: ("kexue_outbox_age_seconds",),
    a_source: ("kexue_source_age_seconds https://kexue.fm/feed",),
    no_request: ("kexue_connection_faults_total malformed http",),
    an_error: ("kexue_errors_total handler",),
    nothing: (f"kexue_build_info {VERSION}", "kexue_ready sender", "kexue_backup_timestamp_seconds",
        "kexue_tasks",),
}  # fmt: skip


@pytest.mark.parametrize("happens", MOVES, ids=lambda do: do.__name__)
async def test_a_figure_moves(measured: WholeBot, happens: Do) -> None:
    before = await figures(measured) if happens is not nothing else {}
    await happens(measured)
    # Only an SQLite file is copied by the bot itself.
    moving = [
        name for name in MOVES[happens] if "backup" not in name or not measured.database.is_multi_process
    ]
    least = {name: before.get(name, -1 if "age" in name else 0) for name in moving}
    async with asyncio.timeout(10):
        while True:
            now = await figures(measured)
            if all(name in now and now[name] > value for name, value in least.items()):
                return
            await asyncio.sleep(0.05)


def test_no_figure_is_left_out() -> None:
    registry = make_registry()
    Metrics(registry, version="0")
    ours = {family.name for family in registry.collect() if family.name.startswith("kexue_")}
    moved = {name.split()[0] for names in MOVES.values() for name in names}
    assert {name for name in ours if not any(sample.startswith(name) for sample in moved)} == set()


async def test_an_error_is_told_to_operators_once(
    measured: WholeBot, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    await an_error(measured)
    told = await telegram.message(OPERATOR)
    assert "OperationalError" in told.text or "ProgrammingError" in told.text
    assert "storage/posts.py" in told.text
    assert "熵" not in caplog.text  # what people write is not for the log
    for _ in range(5):
        await measured.says("/search 熵")
    await measured.settles()
    assert len(telegram.messages(OPERATOR)) == 1
    assert (await figures(measured))["kexue_errors_total handler"] == 6
