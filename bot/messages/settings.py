"""Views of /settings: the menu with a row per setting, and the options of one setting.

`chosen_value` and `with_choice` are inverse: the values in callback data are written and parsed here.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import time
from typing import Final, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.callbacks.actions import Choose, Options, Setting, Settings, SubscribeMenu
from bot.messages.elements import Row, heading, in_rows, label, paragraph, press
from bot.messages.i18n import LANGUAGES, Words
from bot.messages.text_parser import is_time, quiet_value
from bot.render.document import Block, Message
from bot.text_sanitizer import one_line
from storage.model import ExcerptLength, Format, Preferences, When

LANGUAGE_NAMES: Final = {"zh": "简体中文", "zh-hant": "繁體中文", "en": "English"}


def setting_name(setting: Setting, words: Words) -> str:
    return {
        Setting.LANGUAGE: words.text("语言"),
        Setting.FORMAT: words.text("公式显示"),
        Setting.WHEN: words.text("推送方式"),
        Setting.HOUR: words.text("推送时间"),
        Setting.WEEKDAY: words.text("推送日"),
        Setting.QUIET: words.text("免打扰"),
        Setting.TIME_ZONE: words.text("时区"),
        Setting.SOUND: words.text("提示音"),
        Setting.EXCERPT: words.text("摘要"),
        Setting.PICTURES: words.text("统计图表"),
        Setting.LESSONS: words.text("发来的课算读过"),
    }[setting]


def current_value(setting: Setting, chosen: Preferences, words: Words) -> str:
    """Return the current value of `setting` as shown."""
    value = chosen_value(setting, chosen)
    match setting:
        case Setting.WHEN:
            return when_name(chosen, words)
        case Setting.HOUR:
            return words.clock(time(chosen.hour))
        case Setting.QUIET:
            return quiet_name(chosen.quiet_from, chosen.quiet_to, words)
        case Setting.TIME_ZONE:
            return zone_name(value, words)
        case _:
            return dict(setting_values(setting, words)).get(value, value)


def when_name(chosen: Preferences, words: Words) -> str:
    """Return 即时, 每天 20:00 汇总 or 每周日 20:00 汇总."""
    at, weekday = words.clock(time(chosen.hour)), words.weekday(chosen.weekday)
    return {
        When.INSTANT: words.text("即时"),
        When.DAILY: words.text("每天 {at} 汇总", at=at),
        When.WEEKLY: words.text("每{weekday} {at} 汇总", weekday=weekday, at=at),
    }[chosen.when]


def quiet_name(since: time | None, until: time | None, words: Words) -> str:
    if since is None or until is None:
        return words.text("关")
    return words.text("{since}–{until}", since=words.clock(since), until=words.clock(until))


def zone_name(zone: str, words: Words) -> str:
    """Return 北京时间 for the default zone, UTC+8 for a fixed offset, or the IANA name."""
    if zone == "Asia/Shanghai":
        return words.text("北京时间")
    if zone.startswith("Etc/GMT") and len(zone) > len("Etc/GMT+"):
        sign = "+" if zone[7] == "-" else "-"  # POSIX signs are reversed
        return f"UTC{sign}{zone[8:]}"
    return zone.replace("_", " ")


def how_it_comes(chosen: Preferences, words: Words) -> str:
    """Return one sentence: when new posts are sent, and the do-not-disturb hours."""
    at, weekday = words.clock(time(chosen.hour)), words.weekday(chosen.weekday)
    text = {
        When.INSTANT: words.text("新文章一到就发来"),
        When.DAILY: words.text("新文章每天 {at} 汇总成一条发来", at=at),
        When.WEEKLY: words.text("新文章每{weekday} {at} 汇总成一条发来", weekday=weekday, at=at),
    }[chosen.when]
    if chosen.quiet_from is not None and chosen.quiet_to is not None:
        text += words.text("；{quiet} 免打扰", quiet=quiet_name(chosen.quiet_from, chosen.quiet_to, words))
    if chosen.silent:
        text += words.text("；不响提示音")
    return text + words.text("。")


def what_comes(chosen: Preferences, words: Words, *, subscribed: bool, courses: bool = False) -> str:
    """Return `how_it_comes`, or that nothing is sent where nothing is subscribed."""
    if subscribed:
        return how_it_comes(chosen, words)
    if courses:
        return words.text("还没有订阅，只有课程会发来。")
    return words.text("还没有订阅，所以什么都不会发来。")


_HOURS: Final = (7, 8, 9, 12, 18, 20, 21, 22)
_QUIET: Final = ((22, 7), (23, 8), (0, 8), (0, 9))
_ZONES: Final = (
    "Asia/Shanghai", "Asia/Tokyo", "Asia/Singapore", "Asia/Kolkata", "Europe/London", "Europe/Berlin",
    "America/New_York", "America/Los_Angeles", "Australia/Sydney", "UTC",
)  # fmt: skip
_IN_A_ROW: Final = {Setting.HOUR: 4, Setting.WEEKDAY: 4, Setting.TIME_ZONE: 2, Setting.QUIET: 2}
_ON, _OFF = "on", "off"


def settings_menu(
    chosen: Preferences,
    words: Words,
    *,
    subscribed: bool = True,
    courses: bool = False,
    destination: int | None = None,
    title: str | None = None,
) -> Message:
    """Return all settings with their values; `destination` and `title` are those of another chat."""
    head = words.text("设置") if title is None else words.text("「{title}」的设置", title=one_line(title))
    rows = tuple(
        (press(_named_value(setting, chosen, words), Options(setting, destination)),)
        for setting in Setting
        if title is None or setting is not Setting.LESSONS  # progress is a person's, not a group's
    )
    if not subscribed:
        rows = (*rows, (press(words.text("去订阅"), SubscribeMenu(destination)),))
    text = what_comes(chosen, words, subscribed=subscribed, courses=courses)
    return Message(body=(heading(head), paragraph(text)), keyboard=rows)


def setting_options(
    setting: Setting,
    chosen: Preferences,
    words: Words,
    *,
    destination: int | None = None,
    rejected: str | None = None,
) -> Message:
    """Return the values of `setting`, the present one marked; `rejected` is typed text that is no value."""
    body: list[Block] = [heading(setting_name(setting, words))]
    if rejected is not None:
        typed = label(rejected, 64)
        text = (
            words.text("「{typed}」不是整点。", typed=typed)
            if setting is Setting.HOUR and is_time(rejected)
            else words.text("没看懂「{typed}」。", typed=typed)
        )
        body.append(paragraph(words.sentences(text, _form(setting, words))))
    body.append(paragraph(_explained(setting, words)))
    present = chosen_value(setting, chosen)
    offered = dict(setting_values(setting, words))
    if present not in offered:
        offered = {present: current_value(setting, chosen, words), **offered}
    keys = (
        press(("✓ " if value == present else "") + name[:1].upper() + name[1:],
              Choose(setting, value, destination))
        for value, name in offered.items()
    )  # fmt: skip
    back: Row = (press(words.text("‹ 所有设置"), Settings(destination)),)
    return Message(body=tuple(body), keyboard=(*in_rows(keys, _IN_A_ROW.get(setting, 3)), back))


def saved_settings(changed: Collection[Setting], chosen: Preferences, words: Words) -> Message:
    """Return what was set: all of a reply in a group, where the menu is not shown."""
    shown = [Setting.WHEN] if Setting.WHEN in changed else changed  # which names day and hour too
    values = words.join([_named_value(setting, chosen, words) for setting in shown])
    return Message(body=(paragraph(words.sentences(words.text("已保存。"), values)),))


def _named_value(setting: Setting, chosen: Preferences, words: Words) -> str:
    colon = "：" if words.chinese else ": "
    return f"{setting_name(setting, words)}{colon}{current_value(setting, chosen, words)}"


def unknown_setting(typed: str, words: Words) -> Message:
    """Return the names of all settings, as buttons, after text that begins with none of them."""
    text = words.text("没看懂「{typed}」。一次设一项，可以设置的有：", typed=label(typed, 64))
    keys = (press(setting_name(setting, words), Options(setting)) for setting in Setting)
    return Message(body=(paragraph(text),), keyboard=in_rows(keys, 2))


def _form(setting: Setting, words: Words) -> str:
    """Return how a value of `setting` is typed."""
    forms = {
        Setting.HOUR: words.text("写一个整点，例如 8:00 或 20 点，或点下面的按钮。"),
        Setting.WEEKDAY: words.text("写周一、mon 或 1 到 7（周一是 1），或点下面的按钮。"),
        Setting.QUIET: words.text("写成 23:00-7:00 这样，或点下面的按钮。"),
        Setting.TIME_ZONE: words.text("写成 Asia/Shanghai、上海或 UTC+8 这样，或点下面的按钮。"),
    }
    return forms.get(setting) or words.text("点下面的按钮来选。")


def chosen_value(setting: Setting, chosen: Preferences) -> str:
    """Return the current value of `setting` as in callback data."""
    since, until = chosen.quiet_from, chosen.quiet_to
    return {
        Setting.LANGUAGE: chosen.language,
        Setting.FORMAT: chosen.format.value,
        Setting.WHEN: chosen.when.value,
        Setting.HOUR: str(chosen.hour),
        Setting.WEEKDAY: str(chosen.weekday),
        Setting.QUIET: _OFF if since is None or until is None else quiet_value(since, until),
        Setting.TIME_ZONE: chosen.time_zone,
        Setting.SOUND: _OFF if chosen.silent else _ON,
        Setting.EXCERPT: chosen.excerpt.value,
        Setting.PICTURES: _ON if chosen.pictures else _OFF,
        Setting.LESSONS: _ON if chosen.lessons_read else _OFF,
    }[setting]


def with_choice(chosen: Preferences, setting: Setting, value: str) -> Preferences | None:
    """Return `chosen` with `setting` set to `value` of callback data; None if that is no value of it."""
    try:
        return _with(chosen, setting, value)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None


def _with(chosen: Preferences, setting: Setting, value: str) -> Preferences:
    match setting:
        case Setting.LANGUAGE:
            return replace(chosen, language=LANGUAGES[LANGUAGES.index(value)])
        case Setting.FORMAT:
            return replace(chosen, format=Format(value))
        case Setting.WHEN:
            return replace(chosen, when=When(value))
        case Setting.HOUR:
            return replace(chosen, hour=time(int(value)).hour)
        case Setting.WEEKDAY:
            return replace(chosen, weekday=range(7).index(int(value)))
        case Setting.QUIET:
            since, until = _quiet(value)
            return replace(chosen, quiet_from=since, quiet_to=until)
        case Setting.TIME_ZONE:
            return replace(chosen, time_zone=ZoneInfo(value).key)
        case Setting.EXCERPT:
            return replace(chosen, excerpt=ExcerptLength(value))
        case Setting.SOUND:
            return replace(chosen, silent=not _is_on(value))
        case Setting.PICTURES:
            return replace(chosen, pictures=_is_on(value))
        case Setting.LESSONS:
            return replace(chosen, lessons_read=_is_on(value))
        case _:
            assert_never(setting)


def _is_on(value: str) -> bool:
    return bool((_OFF, _ON).index(value))


def _quiet(value: str) -> tuple[time | None, time | None]:
    """Return the hours of `off`, `23-7` or `2330-0700`. Raises ValueError."""
    if value == _OFF:
        return None, None
    since, until = (_time(part) for part in value.split("-"))
    if since == until:
        raise ValueError(value)
    return since, until


def _time(text: str) -> time:
    return time(int(text)) if len(text) <= 2 else time(int(text[:-2]), int(text[-2:]))


def setting_values(setting: Setting, words: Words) -> tuple[tuple[str, str], ...]:
    """Return (value in callback data, label of the button) of each offered value."""
    match setting:
        case Setting.LANGUAGE:
            return tuple(LANGUAGE_NAMES.items())
        case Setting.FORMAT:
            names = (words.text("自动"), words.text("富文本"), words.text("纯文本"))
            return tuple(zip((Format.AUTO, Format.RICH, Format.CLASSIC), names, strict=True))
        case Setting.WHEN:
            names = (words.text("即时"), words.text("每天汇总"), words.text("每周汇总"))
            return tuple(zip((When.INSTANT, When.DAILY, When.WEEKLY), names, strict=True))
        case Setting.HOUR:
            return tuple((str(hour), words.clock(time(hour))) for hour in _HOURS)
        case Setting.WEEKDAY:
            return tuple((str(day), words.weekday(day)) for day in range(7))
        case Setting.QUIET:
            spans = ((f"{a}-{b}", quiet_name(time(a), time(b), words)) for a, b in _QUIET)
            return (*spans, (_OFF, words.text("关")))
        case Setting.TIME_ZONE:
            return tuple((zone, zone_name(zone, words)) for zone in _ZONES)
        case Setting.SOUND | Setting.LESSONS:
            return ((_ON, words.text("开")), (_OFF, words.text("关")))
        case Setting.EXCERPT:
            names = (words.text("不显示"), words.text("短"), words.text("长"))
            lengths = (ExcerptLength.NONE, ExcerptLength.SHORT, ExcerptLength.FULL)
            return tuple(zip(lengths, names, strict=True))
        case Setting.PICTURES:
            return ((_ON, words.text("图片")), (_OFF, words.text("文字")))
        case _:
            assert_never(setting)


def _explained(setting: Setting, words: Words) -> str:
    return {
        Setting.LANGUAGE: words.text("文章是中文的；这里选的是按钮和提示的语言。"),
        Setting.FORMAT: words.text("自动：有公式时用富文本，其余用纯文本。旧客户端选纯文本。"),
        Setting.WHEN: words.text("即时：一到就发；汇总：每天或每周合成一条。"),
        Setting.HOUR: words.text("汇总和课程在几点发来。别的时间这样写：/settings 推送时间 6:00"),
        Setting.WEEKDAY: words.text("每周汇总和每周课程在哪天发来。也可以写：/settings 推送日 周一"),
        Setting.QUIET: words.text("这段时间里不发，结束后补上。别的时段这样写：/settings 免打扰 22:30-7:00"),
        Setting.TIME_ZONE: words.text("所有时间按这里算。别处这样写：/settings 时区 Taipei"),
        Setting.SOUND: words.text("关掉后消息照样到，只是不响。"),
        Setting.EXCERPT: words.text("卡片里摘录多少原文。"),
        Setting.PICTURES: words.text("/stats 用图片还是用文字。"),
        Setting.LESSONS: words.text("打开后，课程发来的每一课都记进阅读进度；关着时点「读过了」才记。"),
    }[setting]
