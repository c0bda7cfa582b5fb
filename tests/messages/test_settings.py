"""/settings: every value on a button is one that can be read back."""

from datetime import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import Choose, Options, Setting, Settings
from bot.callbacks.codec import decode
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.settings import chosen_value, how_it_comes, setting_options, settings_menu, with_choice
from storage.model import ExcerptLength, Format, Preferences, When
from tests.messages.golden_files import Scene, check, check_keyboard

PLAIN = Preferences()
FULL = Preferences(
    language="en",
    format=Format.CLASSIC,
    when=When.WEEKLY,
    hour=7,
    weekday=0,
    quiet_from=time(22),
    quiet_to=time(7),
    time_zone="America/New_York",
    silent=True,
    excerpt=ExcerptLength.SHORT,
    pictures=False,
)

SCENES: dict[str, Scene] = {
    "menu": lambda words: settings_menu(PLAIN, words),
    "menu of a channel": lambda words: settings_menu(FULL, words, destination=9, title="读论文"),
    **{f"options {setting.value}": partial(setting_options, setting, FULL) for setting in Setting},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("settings", name, SCENES[name], language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("setting", Setting)
def test_every_option_can_be_chosen_and_is_then_marked(setting: Setting, language: str) -> None:
    words = words_for(language)
    offered = [
        action
        for row in setting_options(setting, PLAIN, words, destination=4).keyboard
        for button in row
        if isinstance(action := decode(button.action or ""), Choose)
    ]
    assert len(offered) >= 2
    for choice in offered:
        assert (choice.setting, choice.destination) == (setting, 4)
        changed = with_choice(FULL, setting, choice.value)
        assert changed is not None
        assert chosen_value(setting, changed) == choice.value
        marked = [
            button.text
            for row in setting_options(setting, changed, words).keyboard
            for button in row
            if button.text.startswith("✓ ")
        ]
        assert len(marked) == 1


@pytest.mark.parametrize(
    ("setting", "value", "shown"),
    [
        (Setting.HOUR, "6", "✓ 06:00"),
        (Setting.QUIET, "2230-0615", "✓ 22:30–06:15"),
        (Setting.TIME_ZONE, "Etc/GMT-8", "✓ UTC+8"),
    ],
)
def test_a_value_that_was_typed_is_among_the_options(setting: Setting, value: str, shown: str) -> None:
    chosen = with_choice(PLAIN, setting, value)
    assert chosen is not None
    options = setting_options(setting, chosen, words_for("zh"))
    check_keyboard(options)
    assert shown in [button.text for row in options.keyboard for button in row]


@given(st.sampled_from(Setting), st.text(max_size=32))
def test_any_value_is_taken_or_refused(setting: Setting, value: str) -> None:
    changed = with_choice(PLAIN, setting, value)
    if changed is not None:
        check_keyboard(settings_menu(changed, words_for("en"), destination=2**63 - 1))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (Setting.LANGUAGE, "fr"),
        (Setting.FORMAT, "pdf"),
        (Setting.WHEN, "hourly"),
        (Setting.HOUR, "24"),
        (Setting.HOUR, "-1"),
        (Setting.HOUR, ""),
        (Setting.WEEKDAY, "7"),
        (Setting.QUIET, "22"),
        (Setting.QUIET, "22-22"),
        (Setting.QUIET, "22-25"),
        (Setting.QUIET, "1-2-3"),
        (Setting.TIME_ZONE, "Mars/Olympus"),
        (Setting.TIME_ZONE, "../etc/passwd"),
        (Setting.TIME_ZONE, "/etc/passwd"),
        (Setting.TIME_ZONE, ""),
        (Setting.SOUND, "loud"),
        (Setting.EXCERPT, "all"),
        (Setting.PICTURES, "maybe"),
    ],
)
def test_a_value_that_cannot_be_is_refused(setting: Setting, value: str) -> None:
    assert with_choice(PLAIN, setting, value) is None


def test_another_chats_settings_stay_another_chats() -> None:
    for message in (
        settings_menu(PLAIN, words_for("zh"), destination=9),
        SCENES["menu of a channel"](words_for("zh")),
    ):
        actions = [decode(button.action or "") for row in message.keyboard for button in row]
        assert {action.destination for action in actions if isinstance(action, Options | Settings)} == {9}


@pytest.mark.parametrize(
    ("chosen", "zh", "en"),
    [
        (PLAIN, "新文章一到就发来。", "New posts come as they appear."),
        (
            Preferences(when=When.DAILY),
            "新文章每天 20:00 汇总成一条发来。",
            "New posts come as one digest, daily at 20:00.",
        ),
        (
            FULL,
            "新文章每周一 07:00 汇总成一条发来；22:00–07:00 免打扰；不响提示音。",
            "New posts come as one digest, Mondays at 07:00; quiet 22:00–07:00; without a sound.",
        ),
    ],
)
def test_what_comes_when(chosen: Preferences, zh: str, en: str) -> None:
    assert (how_it_comes(chosen, words_for("zh")), how_it_comes(chosen, words_for("en"))) == (zh, en)
