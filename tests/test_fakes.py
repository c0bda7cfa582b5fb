"""The fake Telegram itself, seen through python-telegram-bot and the bot's own wire."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.telegram.request import AiohttpRequest
from tests.fake_replies import blocked, flood
from tests.fakes import PATIENCE, FakeTelegram
from tests.telegram.conftest import bot_over


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the library warns of its own future at every flood."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest_asyncio.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    wire = AiohttpRequest(connections=4, read_timeout=5.0)
    polls = AiohttpRequest(connections=1, read_timeout=5.0)
    async with Bot(telegram.token, telegram.url, request=wire, get_updates_request=polls) as bot:
        yield bot


def keyboard(*buttons: dict[str, Any]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(**button) for button in buttons]])


async def test_shows_a_message_as_people_see_it(telegram: FakeTelegram, bot: Bot) -> None:
    sent = await bot.send_message(
        7,
        " <b>拆楼</b> &amp; <a href='https://kexue.fm/'>建楼</a>\n",
        parse_mode="HTML",
        message_thread_id=5,
        disable_notification=True,
        reply_markup=keyboard({"text": "‹ 12", "callback_data": "card:12"}),
    )
    shown = await telegram.message(7)
    assert (shown.text, shown.thread_id, shown.silent) == ("拆楼 & 建楼", 5, True)
    assert [entity["type"] for entity in shown.entities] == ["bold", "text_link"]
    assert shown.links() == ["https://kexue.fm/"]
    assert shown.buttons == [["‹ 12"]]
    assert (sent.message_id, sent.text) == (shown.message_id, shown.text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": "<b>x"}, "Can't parse entities: can't find end tag corresponding to start tag \"b\""),
        ({"text": "<p>x</p>"}, 'Can\'t parse entities: unsupported start tag "p" at byte offset 0'),
        ({"text": "字" * 4097}, "Message is too long"),
        ({"text": "😀" * 2049}, "Message is too long"),
        ({"text": " <b> </b> "}, "Text must be non-empty"),
        ({"chat_id": 0}, "Chat not found"),
        ({"message_thread_id": 1}, "Message thread not found"),
        ({"reply_parameters": ReplyParameters(3)}, "Message to be replied not found"),
        ({"reply_markup": keyboard({"text": "x", "callback_data": "字" * 22})}, "Button_data_invalid"),
        ({"reply_markup": keyboard({"text": " ", "callback_data": "x"})}, "Text must be non-empty"),
        ({"reply_markup": keyboard({"text": "x", "url": "http://localhost/"})}, "wrong http url"),
        ({"reply_markup": keyboard({"text": "x", "url": "ftp://kexue.fm/"})}, "unsupported url protocol"),
        ({"reply_markup": keyboard(*[{"text": "x", "callback_data": "x"}] * 9)}, "Reply markup is too long"),
    ],
)
async def test_refuses_in_telegrams_words(
    telegram: FakeTelegram, bot: Bot, arguments: dict[str, Any], words: str
) -> None:
    given: dict[str, Any] = {"chat_id": -1001, "text": "x", "parse_mode": "HTML"}
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(**given | arguments)
    assert words.lower() in refused.value.message.lower()
    assert telegram.messages() == []


async def test_edits_only_what_is_there_and_only_if_it_changes(telegram: FakeTelegram, bot: Bot) -> None:
    sent = await bot.send_message(7, "one")
    await bot.edit_message_text("two", 7, sent.message_id)
    shown = await telegram.edit(await telegram.message(7))
    assert (shown.text, shown.edits) == ("two", 1)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("two", 7, sent.message_id)
    await bot.delete_message(7, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("three", 7, sent.message_id)
    assert telegram.messages(7) == []


def paragraph(text: Any) -> dict[str, Any]:
    return {"type": "paragraph", "text": text}


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "Rich message must be non-empty"),
        ([{"type": "paragraph"}], "Can't parse inputrichblock: can't find field \"text\""),
        ([{"type": "plain", "text": "x"}], "Can't parse inputrichblock"),
        ([paragraph({"type": "plain", "text": "x"})], "Can't parse richtext"),
        ([{"type": "heading", "size": 7, "text": "x"}], "Heading size"),
        ([{"type": "heading", "size": 1, "text": " "}], "Rich_message_content_required"),
        ([paragraph({"type": "url", "url": "/archives/1", "text": "x"})], "Rich_message_url_invalid"),
        ([paragraph("x" * 32_769)], "Rich_message_text_too_long"),
        ([paragraph("x")] * 501, "Rich_message_blocks_too_many"),
    ],
)
async def test_refuses_rich_messages_beyond_the_rules(
    bot: Bot, blocks: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await bot.do_api_request("sendRichMessage", {"chat_id": 7, "rich_message": {"blocks": blocks}})
    assert words.lower() in refused.value.message.lower()


async def test_keeps_rich_blocks_and_reads_them_as_text(telegram: FakeTelegram, bot: Bot) -> None:
    blocks = [paragraph(["设 ", {"type": "mathematical_expression", "expression": "x<y"}])]
    await bot.do_api_request("sendRichMessage", {"chat_id": 7, "rich_message": {"blocks": blocks}})
    shown = await telegram.message(7)
    assert (shown.blocks, shown.text) == (blocks, "设 x<y")


async def test_takes_uploads(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.send_photo(7, b"\x89PNG", caption="<i>x</i>", parse_mode="HTML", filename="图.png")
    await bot.send_document(7, b"bytes", filename="x.bib")
    photo, document = telegram.messages(7)
    assert (photo.upload, photo.text, photo.media) == (b"\x89PNG", "x", "photo")
    assert (document.upload, document.media) == (b"bytes", "document")


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


async def test_follows_the_script_once_and_for_the_chat_it_names(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.answers("sendMessage", flood(3), blocked(), chat_id=7)
    await bot.send_message(8, "x")
    for expected in (RetryAfter, Forbidden):
        with pytest.raises(expected):
            await bot.send_message(7, "x")
    await bot.send_message(7, "y")
    assert [shown.text for shown in telegram.messages(7)] == ["y"]
    assert len(telegram.calls("sendMessage")) == 4


async def test_enforces_the_limits_if_told_to() -> None:
    wire = AiohttpRequest(connections=4, read_timeout=5.0)
    outcomes = []
    async with (
        FakeTelegram(enforce=True, per_second=3, group_per_minute=2) as telegram,
        bot_over(wire, telegram.url, telegram.token) as bot,
    ):
        for chat_id in (-8, -8, -8, 7, 7, 9):
            try:
                await bot.send_message(chat_id, "x")
                outcomes.append("sent")
            except RetryAfter:
                outcomes.append("flood")
    assert outcomes == ["sent", "sent", "flood", "sent", "flood", "flood"]
    assert (telegram.meter.refused, telegram.meter.peak) == (3, 3)


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


async def test_remembers_how_the_bot_presents_itself(bot: Bot) -> None:
    await bot.set_my_commands([("start", "开始")], language_code="zh")
    await bot.set_my_short_description("短", language_code="zh")
    assert [each.command for each in await bot.get_my_commands(language_code="zh")] == ["start"]
    assert await bot.get_my_commands() == ()
    assert (await bot.get_my_short_description("zh")).short_description == "短"
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Start", "x")])


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


async def test_is_quiet_once_nothing_happens(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.send_message(7, "x")
    assert await telegram.quiet(0.01) == []
    assert await telegram.message(7) is telegram.messages(7)[0]
    with pytest.raises(AssertionError, match="no new message in 7"):
        await telegram.message(7, timeout=0.01)


async def test_tells_a_wrong_token_and_an_unknown_method(telegram: FakeTelegram, bot: Bot) -> None:
    with pytest.raises(InvalidToken, match="Unauthorized"):
        await bot_over(bot.request, telegram.url).get_me()
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendTelepathy")


async def test_strangers_can_be_unknown() -> None:
    wire = AiohttpRequest(connections=1, read_timeout=5.0)
    async with FakeTelegram(strangers=False) as telegram, wire:
        bot = bot_over(wire, telegram.url, telegram.token)
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(7, "x")
        telegram.user_says("/start", user_id=7)
        await bot.send_message(7, "x")
