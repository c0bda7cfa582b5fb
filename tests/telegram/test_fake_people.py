"""The people of the fake Telegram: what they do reaches the bot once, by polling or by a webhook."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram import Bot, InlineQueryResultArticle, InputTextMessageContent
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, TelegramError

from bot.telegram.http_request import AiohttpRequest
from tests.fakes.people import PATIENCE, FakeTelegram
from tests.telegram.conftest import bot_over, keyboard


async def test_brings_what_people_do(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.user_says("嗨 /start@kexue_test_bot x", user_id=5, language="en")
    telegram.user_says("post", chat_id=-1009, kind="channel")
    telegram.membership(5, "member", "kicked")
    telegram.membership(-8, "left", "administrator", kind="group")
    telegram.membership(-8, "administrator", "restricted")
    query = telegram.asks_inline("attention")
    said, posted, left, joined, muted, asked = await bot.get_updates()
    assert said.message is not None
    assert said.message.from_user is not None
    assert (said.message.chat_id, said.message.from_user.language_code) == (5, "en")
    assert said.message.parse_entities() == {said.message.entities[0]: "/start@kexue_test_bot"}
    assert posted.channel_post is not None
    assert [
        each.my_chat_member and each.my_chat_member.new_chat_member.status for each in (left, joined)
    ] == [
        "kicked",
        "administrator",
    ]
    assert muted.my_chat_member is not None
    assert asked.inline_query is not None
    assert (asked.inline_query.id, asked.inline_query.query) == (query, "attention")
    assert await bot.get_updates(offset=asked.update_id + 1) == ()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(5, "x")


async def test_presses_buttons_and_hears_the_answer(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.send_message(7, "x", reply_markup=keyboard({"text": "系列", "callback_data": "s:1"}))
    query_id = telegram.presses(await telegram.message(7), "系列", user_id=7)
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "s:1"
    await bot.answer_callback_query(query_id, "好")
    assert (await telegram.answer(query_id))["text"] == "好"
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("1")


async def test_moves_a_group(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.chat_migrates(-8, -1008)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(-8, "x")
    assert moved.value.new_chat_id == -1008
    first, second = await bot.get_updates()
    assert first.message is not None
    assert second.message is not None
    assert (first.message.migrate_to_chat_id, second.message.migrate_from_chat_id) == (-1008, -8)


async def test_a_second_poll_ends_the_first(telegram: FakeTelegram, bot: Bot) -> None:
    other = AiohttpRequest(connections=1, read_timeout=5.0)
    ended: list[TelegramError] = []

    async def first() -> None:
        try:
            await bot.get_updates(timeout=5)
        except Conflict as error:
            ended.append(error)

    async with (
        bot_over(other, telegram.url, telegram.token) as second,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(first())
        assert await telegram.world.until(lambda: telegram.world.polls == 1, PATIENCE)
        await second.get_updates(timeout=0)
    assert "terminated by other getUpdates request" in str(ended)


async def test_answers_inline_queries_within_their_limits(telegram: FakeTelegram, bot: Bot) -> None:
    query_id = telegram.asks_inline("x")
    result = InlineQueryResultArticle("1", "题", InputTextMessageContent("<b>x</b>", parse_mode="HTML"))
    for results, words in (([result] * 2, "Result_id_duplicate"), ([result] * 51, "Results_too_much")):
        with pytest.raises(BadRequest, match=words):
            await bot.answer_inline_query(query_id, results)
    await bot.answer_inline_query(query_id, [result], cache_time=5)
    answer = await telegram.inline_answer(query_id)
    assert [each["title"] for each in answer["results"]] == ["题"]


async def test_brings_updates_to_a_webhook_until_it_takes_them(telegram: FakeTelegram, bot: Bot) -> None:
    taken: list[tuple[str | None, Any]] = []

    async def hook(request: web.Request) -> web.Response:
        taken.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        return web.Response(status=200 if len(taken) > 1 else 500)

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        await bot.set_webhook(str(server.make_url("/hook")), secret_token="s3cret")
        telegram.user_says("嗨")
        assert await telegram.world.until(lambda: not telegram.world.updates, PATIENCE)
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await bot.delete_webhook()
    assert [(secret, update["message"]["text"]) for secret, update in taken] == [("s3cret", "嗨")] * 2


async def test_knows_members_and_topics(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.opens(-1008, "supergroup").standing = "administrator"
    telegram.administrators[-1008] = {5}
    assert (await bot.get_chat_member(-1008, 5)).status == "administrator"
    assert (await bot.get_chat_member(-1008, 6)).status == "member"
    assert [each.user.id for each in await bot.get_chat_administrators(-1008)] == [5, 4242]
    topic = await bot.create_forum_topic(-1008, "科学空间")
    telegram.opens(-1008).topics[topic.message_thread_id] = "closed"
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(-1008, "x", message_thread_id=topic.message_thread_id)
    await bot.leave_chat(-1008)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.send_message(-1008, "x")
