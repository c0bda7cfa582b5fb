"""Errors, odd input and confirmations: short, without codes, with what to do."""

from dataclasses import replace

import pytest

from bot.messages import citation, notices
from bot.messages.i18n import LANGUAGES, Words, words_for
from bot.render.html import plain
from bot.text_sanitizer import units
from tests.messages.golden_files import Scene, check
from tests.messages.posts import LEAKY

LONG = "很长" * 2000
UNSURE = replace(LEAKY, archive_id=None)

SCENES: dict[str, Scene] = {
    "old button": notices.button_too_old,
    "post gone": notices.post_gone,
    "unknown link": notices.link_unknown,
    "ask": notices.ask_search,
    "too long": lambda words: notices.too_long(words, 256),
    "ask in a group": notices.ask_search_here,
    "ask keywords": lambda words: notices.ask_keywords(words, muted=False, here=False),
    "ask muted keywords": lambda words: notices.ask_keywords(words, muted=True, here=False),
    "ask keywords in a group": lambda words: notices.ask_keywords(words, muted=False, here=True),
    "ask mute": notices.ask_muted,
    "ask broadcast": notices.ask_broadcast,
    "not stored": lambda words: notices.not_stored(words, "https://kexue.fm/archives/12345", 12345),
    "not an operator": lambda words: notices.not_an_operator(words, -1001234567890),
    "not a year": lambda words: notices.not_a_year(words, "二〇二〇", 2009, 2026),
    "not a number": lambda words: notices.not_a_number(words, "-3", 50),
    "unknown command": lambda words: notices.unknown_command(words, "foo", ()),
    "misspelt command": lambda words: notices.unknown_command(words, "serie", ("series",)),
    "unsupported": notices.unsupported,
    "in private": lambda words: notices.in_private(words, "https://t.me/kexue_bot?start=o_3"),
    "in private without a link": lambda words: notices.in_private(words, None),
    "empty archive": notices.archive_empty,
    "nothing here": notices.nothing_here,
    "went wrong": notices.went_wrong,
    "not for strangers": notices.not_for_strangers,
    "forget": notices.forget_question,
    "forgotten": notices.forgotten,
    "exported": notices.exported,
    "forget a group": lambda words: notices.forget_question(words, group=True),
    "exported group": lambda words: notices.exported(words, group=True),
    "topic made": lambda words: notices.topic_made(words, "扩散"),
    "topic not made": notices.topic_not_made,
    "channel offer": notices.channel_offer,
    "channel added": lambda words: notices.channel_added(words, "读论文"),
    "welcome back": lambda words: notices.welcome_back(words, 3),
    "cite": lambda words: citation.citation_view(LEAKY, words),
    "cite unsure": lambda words: citation.citation_view(UNSURE, words),
    "papers": lambda words: citation.papers_view(LEAKY, ("Attention Is All You Need", "YaRN & RoPE"), words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("notices", name, SCENES[name], language)


def _answers(words: Words) -> list[str]:
    return [
        notices.only_administrators(words),
        notices.administrators_unknown(words),
        notices.only_operators(words),
        notices.button_answer(words),
        notices.too_fast(words),
        notices.chosen(words),
        notices.course_over(words),
        *(
            notices.lesson_sent(words, marked=m, last=last, subscribed=last)
            for m in (True, False)
            for last in (True, False)
        ),
        *(notices.saved_answer(words, saved=saved) for saved in (True, False)),
        *(notices.read_answer(words, read=read) for read in (True, False)),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_to_a_button_fits_the_line_telegram_gives_it(language: str) -> None:
    answers = _answers(words_for(language))
    assert len(set(answers)) == len(answers)
    assert max(map(units, answers)) <= 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_typed_is_said_back_only_in_short(language: str) -> None:
    words = words_for(language)
    for message in (
        notices.unknown_command(words, LONG, ()),
        notices.not_a_year(words, LONG, 2009, 2026),
        notices.topic_made(words, LONG),
    ):
        assert units(plain(message.body)) < 300
