"""The languages: no sentence in one only, no place unfilled, numbers and dates as each writes them."""

import gettext
import string
from datetime import date

import click
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import Setting
from bot.cli import preview
from bot.messages import i18n
from bot.messages.commands import COMMANDS
from bot.messages.i18n import LANGUAGES, catalogue_file, language_of, words_for
from bot.messages.settings import LANGUAGE_NAMES
from bot.messages.text_parser import parse_assignment, parse_scope, parse_value
from bot.text_sanitizer import simplified
from storage.model import Certainty
from tests.messages.catalogues import uses
from tests.messages.glossary import GLOSSARY
from tests.messages.posts import EMBEDDING, LEAKY, UNDATED, post
from tests.tools.traditional import TARGET, converter, declared, generate


def _catalogue(language: str) -> Catalog:
    with catalogue_file(language).open("rb") as source:
        return read_po(source, locale={"zh-hant": "zh_Hant"}.get(language, language))


def _entries(language: str) -> dict[str, tuple[str, ...]]:
    """Message ids with their translations, one for each plural form."""
    entries = {}
    for message in _catalogue(language):
        if message.id:
            forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
            msgid = message.id if isinstance(message.id, str) else message.id[0]
            entries[msgid] = tuple(str(form) for form in forms)
    return entries


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_sentence_in_the_code_is_a_literal() -> None:
    assert [use.place for use in uses() if use.msgid is None] == []


def test_every_place_of_a_sentence_is_filled() -> None:
    assert [use.place for use in uses() if use.msgid is not None and _places(use.msgid) - use.values] == []


def test_a_sentence_is_counted_everywhere_or_nowhere() -> None:
    counted = {use.msgid for use in uses() if use.counted}
    assert counted & {use.msgid for use in uses() if not use.counted} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_the_sentences_of_the_code_and_no_others(language: str) -> None:
    said = {use.msgid for use in uses()}
    known = set(_entries(language)) - (set(declared()) - said if language not in ("zh", "en") else set())
    assert (sorted(map(str, said - known)), sorted(known - said)) == ([], [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_there_and_has_the_same_places(language: str) -> None:
    catalogue, entries = _catalogue(language), _entries(language)
    counted = {use.msgid for use in uses() if use.counted}
    number = {msgid: catalogue.num_plurals if msgid in counted else 1 for msgid in entries}
    assert [msgid for msgid, forms in entries.items() if len(forms) != number[msgid] or not all(forms)] == []
    placed = {
        msgid: any(_places(form) != _places(msgid) for form in forms) for msgid, forms in entries.items()
    }
    assert [msgid for msgid, differs in placed.items() if differs] == []


def test_a_language_can_be_chosen_everywhere() -> None:
    """Where CONTRIBUTING's guide for a further language leads."""
    (choice,) = (option for option in preview.params if option.name == "language")
    assert isinstance(choice.type, click.Choice)
    assert tuple(choice.type.choices) == LANGUAGES
    assert tuple(LANGUAGE_NAMES) == LANGUAGES
    for language in LANGUAGES:
        assert language_of(language) == language
        assert words_for(language).language == language
        for typed in (language, LANGUAGE_NAMES[language]):
            assert parse_value(Setting.LANGUAGE, typed) == language


def test_a_further_language_is_chosen_by_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "LANGUAGES", (*LANGUAGES, "fr", "pt-br"))
    chosen = {code: language_of(code) for code in ("fr", "fr-CA", "pt-BR", "pt", "zh-TW", "de")}
    assert chosen == {"fr": "fr", "fr-CA": "fr", "pt-BR": "pt-br", "pt": "en", "zh-TW": "zh-hant", "de": "en"}
    assert not i18n.Words("fr", gettext.NullTranslations()).chinese


def test_the_chinese_catalogue_says_what_the_code_says() -> None:
    assert [msgid for msgid, forms in _entries("zh").items() if forms != (msgid,)] == []


def test_no_sentence_shouts() -> None:
    texts = [form for language in LANGUAGES for forms in _entries(language).values() for form in forms]
    assert [text for text in texts if "!" in text or "！" in text] == []


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("zh", "zh"),
        ("zh-hans", "zh"),
        ("zh-Hans-HK", "zh"),
        ("zh-SG", "zh"),
        ("zh-TW", "zh-hant"),
        ("zh-hans-hk", "zh"),
        ("zh-hant", "zh-hant"),
        ("zh_HK", "zh-hant"),
        ("ZH", "zh"),
        ("en", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_language_is_that_of_the_client(code: str | None, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize(("n", "said"), [(0, "0 readers"), (1, "1 reader"), (37_802, "37,802 readers")])
def test_english_has_two_forms(n: int, said: str) -> None:
    assert words_for("en").count("{n} 位读者", n) == said


@pytest.mark.parametrize(
    ("n", "zh", "en"),
    [
        (0, "0", "0"),
        (9_999, "9,999", "9,999"),
        (10_000, "1 万", "10K"),
        (37_802, "3.78 万", "37.8K"),
        (379_910, "37.9 万", "379K"),
        (415_322, "41.5 万", "415K"),
        (999_999, "99.9 万", "999K"),
        (1_160_590, "116 万", "1.16M"),
    ],
)
def test_big_numbers_are_short_in_lists(n: int, zh: str, en: str) -> None:
    assert (words_for("zh").short_number(n), words_for("en").short_number(n)) == (zh, en)


@given(st.integers(10_000, 10**9))
def test_a_short_number_never_says_more_than_there_is(n: int) -> None:
    shown = float(words_for("zh").short_number(n).removesuffix(" 万").replace(",", "")) * 10_000
    assert n * 0.99 < shown <= n + 1e-6 * n


def test_dates_as_each_language_writes_them() -> None:
    zh, en = words_for("zh"), words_for("en")
    assert (zh.date_of(LEAKY), en.date_of(LEAKY)) == ("2023-08-14", "14 Aug 2023")
    assert (zh.date_of(EMBEDDING), en.date_of(EMBEDDING)) == ("2023?-07-20", "20 Jul 2023?")
    assert (zh.date_of(UNDATED), en.date_of(UNDATED)) == ("07-14", "14 Jul")
    assert zh.date_of(post(1, "没有日期")) is None
    inferred = zh.date(date(2023, 8, 14), Certainty.INFERRED)
    assert inferred == "2023-08-14"
    assert (zh.month(2022, 6), en.month(2022, 6)) == ("2022-06", "Jun 2022")
    assert (zh.day(date(2026, 11, 22)), en.day(date(2026, 11, 22))) == ("11 月 22 日", "22 Nov")
    assert (zh.weekday(6), en.weekday(0)) == ("周日", "Monday")


def test_sentences_stand_apart_in_english_only() -> None:
    assert words_for("zh").sentences("甲。", None, "乙。") == "甲。乙。"
    assert words_for("en").sentences("One.", "", "Two.") == "One. Two."


def test_braces_in_a_value_are_only_text() -> None:
    assert (
        words_for("en").text("没有叫「{name}」的标签。", name="{n} {0}")
        == "There is no tag called “{n} {0}”."
    )


def _texts(language: str) -> list[str]:
    """Return every message of a language and every description of a command."""
    words = words_for(language)
    messages = []
    for use in uses():
        if use.msgid is None:
            continue
        catalogue = words.catalogue
        texts = (
            [catalogue.ngettext(use.msgid, use.msgid, n) for n in (1, 2)]
            if use.counted
            else [catalogue.gettext(use.msgid)]
        )
        messages += texts
    return [*messages, *(command.description(language) for command in COMMANDS)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_uses_another_word_for_a_thing(language: str) -> None:
    found = []
    for text in _texts(language):
        for term in GLOSSARY:
            shown = text
            for phrase in term.within:
                shown = shown.replace(phrase, "")
            never = term.en_never if language == "en" else term.zh_never if language == "zh" else ()
            found += [(word, text) for word in never if word in shown]
    assert found == []


def test_every_term_is_used_in_both_languages() -> None:
    texts = {language: "\n".join(_texts(language)).lower() for language in LANGUAGES}
    unused = [term for term in GLOSSARY if term.zh not in texts["zh"] or term.en.lower() not in texts["en"]]
    assert unused == []


def test_no_word_of_one_thing_is_forbidden_for_another() -> None:
    forbidden = {word for term in GLOSSARY for word in (*term.zh_never, *term.en_never)}
    assert not forbidden & {word for term in GLOSSARY for word in (term.zh, term.en)}


def test_the_traditional_catalogue_is_the_generated_one() -> None:
    assert TARGET.read_bytes() == generate(), "run python -m tests.tools.traditional"


def test_the_traditional_catalogue_has_no_simplified_character() -> None:
    """Converting a sentence once more changes nothing."""
    convert = converter().convert
    forms = [form for msgid, forms in _entries("zh-hant").items() for form in forms if msgid != "简体中文"]
    assert [form for form in forms if convert(form) != form] == []


@pytest.mark.parametrize(
    "msgid", [msgid for msgid in _entries("zh") if msgid.startswith(("/settings ", "/subscribe "))]
)
def test_traditional_examples_are_understood_as_the_simplified_ones(msgid: str) -> None:
    shown = words_for("zh-hant").text(msgid)
    command, _, typed = msgid.partition(" ")
    _, _, traditional = shown.partition(" ")
    if command == "/settings":
        (setting, value), (same, other) = parse_assignment(typed), parse_assignment(traditional)
        assert setting is not None
        assert (same, parse_value(setting, other)) == (setting, parse_value(setting, value))
    else:
        one, two = parse_scope(typed), parse_scope(traditional)
        assert (one.kind, one.muted, one.name) == (two.kind, two.muted, simplified(two.name))


def test_traditional_texts_of_code_outside_the_catalogue() -> None:
    words = words_for("zh-hant")
    assert (words.weekday(0), words.short_number(37_802), words.day(date(2026, 11, 22))) == (
        "週一",
        "3.78 萬",
        "11 月 22 日",
    )
    assert words.blog == "科学空间"
    assert {command.name: command.description("zh-hant") for command in COMMANDS}["subscribe"] == "訂閱新文章"
