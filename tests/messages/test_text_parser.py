"""Typed settings: names and values as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import Setting
from bot.messages import text_parser
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.settings import current_value, setting_name, setting_values, with_choice
from bot.messages.text_parser import (
    ScopeText,
    find_post,
    parse_assignment,
    parse_command,
    parse_scope,
    parse_value,
    parse_values,
)
from bot.site_profile import KEXUE
from storage.model import Preferences, ScopeKind, When

VALUES = (
    (Setting.HOUR, "8:00", "8"), (Setting.HOUR, "08:00", "8"), (Setting.HOUR, "8 点", "8"),
    (Setting.HOUR, "晚上8点", "20"), (Setting.HOUR, "8pm", "20"), (Setting.HOUR, "１２", "12"),
    (Setting.HOUR, "24:00", "0"), (Setting.HOUR, "25", None), (Setting.HOUR, "8:30", None),
    (Setting.HOUR, "八点", "8"), (Setting.HOUR, "晚上八点", "20"), (Setting.HOUR, "二十三点整", "23"),
    (Setting.HOUR, "十点钟", "10"), (Setting.HOUR, "下午两点", "14"), (Setting.HOUR, "凌晨12点", "0"),
    (Setting.HOUR, "晚上12点", "0"), (Setting.HOUR, "夜里2点", "2"), (Setting.HOUR, "中午", "12"),
    (Setting.HOUR, "noon", "12"), (Setting.HOUR, "at 8 p.m.", "20"), (Setting.HOUR, "8 o'clock", "8"),
    (Setting.HOUR, "八点半", None), (Setting.HOUR, "每天早上七点", "7"), (Setting.HOUR, "八", "8"),
    (Setting.HOUR, "12am", "0"), (Setting.HOUR, "12pm", "12"), (Setting.HOUR, "13pm", "13"),
    (Setting.QUIET, "晚上11点到早上7点", "23-7"), (Setting.QUIET, "晚上十一点到早上七点", "23-7"),
    (Setting.QUIET, "从23点到7点", "23-7"), (Setting.QUIET, "十点半至六点一刻", "1030-0615"),
    (Setting.QUIET, "from 11pm to 7am", "23-7"), (Setting.QUIET, "整天", None),
    (Setting.WEEKDAY, "weekdays", None), (Setting.WEEKDAY, "每周三", "2"), (Setting.WEEKDAY, "Fridays", "4"),
    (Setting.WEEKDAY, "周一", "0"), (Setting.WEEKDAY, "星期天", "6"), (Setting.WEEKDAY, "mon", "0"),
    (Setting.WEEKDAY, "1", "0"), (Setting.WEEKDAY, "7", "6"), (Setting.WEEKDAY, "0", None),
    (Setting.QUIET, "23点到7点", "23-7"), (Setting.QUIET, "23:30-7:00", "2330-0700"),
    (Setting.QUIET, "10pm to 6am", "22-6"), (Setting.QUIET, "关", "off"), (Setting.QUIET, "7-7", None),
    (Setting.TIME_ZONE, "上海", "Asia/Shanghai"), (Setting.TIME_ZONE, "北京时间", "Asia/Shanghai"),
    (Setting.TIME_ZONE, "tokyo", "Asia/Tokyo"), (Setting.TIME_ZONE, "new york", "America/New_York"),
    (Setting.TIME_ZONE, "UTC+8", "Etc/GMT-8"), (Setting.TIME_ZONE, "Mars", None),
    (Setting.WHEN, "每天", "daily"), (Setting.SOUND, "关", "off"), (Setting.EXCERPT, "不显示", "none"),
    (Setting.PICTURES, "文字", "off"), (Setting.FORMAT, "纯文本", "classic"),
    (Setting.LANGUAGE, "English", "en"), (Setting.HOUR, "每晚8点", "20"), (Setting.WEEKDAY, "Thurs.", "3"),
    (Setting.QUIET, "晚上11点到第二天早上7点", "23-7"), (Setting.QUIET, "23:00——7:00", "23-7"),
    (Setting.QUIET, "夜里11点到次日的7点", "23-7"), (Setting.QUIET, "11pm to the next morning 7am", "23-7"),
    (Setting.SOUND, "关掉", "off"),
)  # fmt: skip


@pytest.mark.parametrize(("setting", "typed", "value"), VALUES)
def test_a_value_is_what_its_button_would_carry(setting: Setting, typed: str, value: str | None) -> None:
    assert parse_value(setting, typed) == value
    if value is not None:
        assert with_choice(Preferences(), setting, value) is not None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("推送时间 8:00", (Setting.HOUR, "8:00")),
        ("免打扰23点到7点", (Setting.QUIET, "23点到7点")),
        ("time zone Mars", (Setting.TIME_ZONE, "Mars")),
        ("zone=Tokyo", (Setting.TIME_ZONE, "Tokyo")),
        ("Excerpt", (Setting.EXCERPT, "")),
        ("foo", (None, "foo")),
        ("每天", (Setting.WHEN, "每天")),
        ("上海", (Setting.TIME_ZONE, "上海")),
        ("23:00-7:00", (Setting.QUIET, "23:00-7:00")),
        ("晚上八点", (Setting.HOUR, "晚上八点")),
        ("礼拜三", (Setting.WEEKDAY, "礼拜三")),
        ("English", (Setting.LANGUAGE, "English")),
        ("关", (None, "关")),
        ("1", (None, "1")),
        ("推送时间改成8点", (Setting.HOUR, "8点")),
        ("语言设为English", (Setting.LANGUAGE, "English")),
        ("sound to off", (Setting.SOUND, "off")),
        ("zone Toronto", (Setting.TIME_ZONE, "Toronto")),
    ],
)
def test_a_setting_is_named_in_either_language(typed: str, expected: tuple[Setting | None, str]) -> None:
    assert parse_assignment(typed) == expected


WHEN, DAY, HOUR = Setting.WHEN, Setting.WEEKDAY, Setting.HOUR


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("周一 8点", {DAY: "0", HOUR: "8"}),
        ("礼拜天晚上八点", {DAY: "6", HOUR: "20"}),
        ("每周一早上8点", {WHEN: "weekly", DAY: "0", HOUR: "8"}),
        ("每星期五 17:00", {WHEN: "weekly", DAY: "4", HOUR: "17"}),
        ("每天 8:00", {WHEN: "daily", HOUR: "8"}),
        ("每晚8点", {WHEN: "daily", HOUR: "20"}),
        ("daily at 8", {WHEN: "daily", HOUR: "8"}),
        ("every Monday at 9am", {WHEN: "weekly", DAY: "0", HOUR: "9"}),
        ("weekly on Fridays, 5 pm", {WHEN: "weekly", DAY: "4", HOUR: "17"}),
        ("推送方式 周一 8点", {DAY: "0", HOUR: "8"}),
        ("推送方式 每周一", {WHEN: "weekly", DAY: "0"}),
        ("推送时间 每天早上七点", {HOUR: "7"}),
        ("每周五", {DAY: "4"}),
        ("每天", {WHEN: "daily"}),
        ("每天 8:30", {}),
        ("周八 8点", {}),
        ("1 8点", {}),
        ("即时 8点", {}),
        ("推送方式", {}),
    ],
)
def test_delivery_day_and_hour_are_set_together(typed: str, values: dict[Setting, str]) -> None:
    assert parse_values(typed) == values


def test_the_parts_of_a_long_text_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a message of 4,096 characters they took seconds."""
    tried: list[str] = []
    monkeypatch.setattr(text_parser, "_weekday", tried.append)
    assert parse_values("每周一 " * 1000) == {}
    assert len(tried) < 5


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("setting", Setting)
def test_what_the_menu_calls_a_setting_and_its_values_is_understood(setting: Setting, language: str) -> None:
    words = words_for(language)
    name = setting_name(setting, words)
    assert parse_assignment(name) == (setting, "")
    for value, shown in setting_values(setting, words):
        assert parse_value(setting, shown) == value
        assert parse_values(f"{name}: {shown}") == {setting: value}
    for when in When:
        chosen = Preferences(when=when, weekday=2, hour=9)
        shown = current_value(setting, chosen, words)
        changed = Preferences()
        for one, value in parse_values(f"{name}：{shown}").items():
            changed = with_choice(changed, one, value) or changed
        assert current_value(setting, changed, words) == shown


@given(st.text(max_size=40))
def test_any_text_sets_values_or_nothing(typed: str) -> None:
    for setting, value in parse_values(typed).items():
        assert with_choice(Preferences(), setting, value) is not None


@given(st.sampled_from(Setting), st.text(max_size=30))
def test_any_text_is_a_value_or_none(setting: Setting, typed: str) -> None:
    value = parse_value(setting, typed)
    assert value is None or with_choice(Preferences(), setting, value) is not None


REFERENCES = (
    ("https://kexue.fm/archives/8265", 8265),
    ("kexue.fm/archives/9119/", 9119),
    ("http://spaces.ac.cn/archives/9119#comment-123", 9119),
    ("https://www.spaces.ac.cn/archives/9119/comment-page-3#comments", 9119),
    ("看看 https://kexue.fm/archives/9119?from=x 很好", 9119),
    ("/archives/9119", 9119),
    ("http://spaces.ac.cn/index.php/archives/9119/", 9119),
    ("９１１９", 9119),
    ("https://example.org/archives/9119", None),
    ("https://kexue.fm/category/9119", None),
    ("2023年的位置编码", None),
    ("0", None),
    ("12345678", None),
)


@pytest.mark.parametrize(("text", "number"), REFERENCES)
def test_a_reference_is_found_in_its_text(text: str, number: int | None) -> None:
    found = find_post(text, KEXUE)
    assert (None if found is None else found.number) == number


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("帮助", ("help", "")),
        ("订阅 扩散", ("subscribe", "扩散")),
        ("/訂閱 擴散", ("subscribe", "擴散")),
        ("/屏蔽 标签 GAN", ("subscribe", "屏蔽 标签 GAN")),
        ("/搜索 attention", ("search", "attention")),
        ("/quiet 23-7", ("settings", "quiet 23-7")),
        ("/timezone 上海", ("settings", "timezone 上海")),
        ("/stop", ("unsubscribe", "")),
        ("/每天", None),  # a value alone changes nothing
        ("统计", None),  # words of a search
        ("标签 attention", None),
        ("设置 推送", None),
        ("/mute tag GAN", ("subscribe", "mute tag GAN")),
        ("/unmute tag GAN", ("unsubscribe", "mute tag GAN")),
        ("/取消屏蔽 标签 GAN", ("unsubscribe", "屏蔽 标签 GAN")),
        ("订阅全部", ("subscribe", "all")),
        ("全部退订", ("unsubscribe", "all")),
        ("Unsubscribe", ("unsubscribe", "")),
        ("settings", ("settings", "")),
        ("settings of a model", None),
        ("/foo", None),
        ("/", None),
    ],
)
def test_words_that_mean_a_command(text: str, meant: tuple[str, str] | None) -> None:
    assert parse_command(text) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("屏蔽标签GAN", ScopeText(ScopeKind.TAG, "GAN", muted=True)),
        ("不要GAN", ScopeText(None, "GAN", muted=True)),
        ("屏蔽#GAN", ScopeText(ScopeKind.TAG, "GAN", muted=True)),
        ("标签GAN", ScopeText(ScopeKind.TAG, "GAN")),
        ("标签平滑", ScopeText(None, "标签平滑")),
        ("词向量", ScopeText(None, "词向量")),
        ("tagging", ScopeText(None, "tagging")),
        ("mute all", ScopeText(ScopeKind.EVERYTHING, "", muted=True)),
    ],
)
def test_a_scope_is_typed_with_and_without_blanks(typed: str, meant: ScopeText) -> None:
    assert parse_scope(typed) == meant
