"""The fake Telegram itself, seen through python-telegram-bot and the bot's own wire."""

from typing import Any

import pytest
from telegram import Bot, ReplyParameters
from telegram.error import BadRequest, EndPointNotFound, Forbidden, InvalidToken, RetryAfter

from bot.telegram.http_request import AiohttpRequest
from tests.fakes.people import FakeTelegram
from tests.fakes.replies import blocked, flood
from tests.telegram.conftest import bot_over, keyboard


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


async def test_remembers_how_the_bot_presents_itself(bot: Bot) -> None:
    await bot.set_my_commands([("start", "开始")], language_code="zh")
    await bot.set_my_short_description("短", language_code="zh")
    assert [each.command for each in await bot.get_my_commands(language_code="zh")] == ["start"]
    assert await bot.get_my_commands() == ()
    assert (await bot.get_my_short_description("zh")).short_description == "短"
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Start", "x")])


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
