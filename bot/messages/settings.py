"""/settings: one message that edits itself. Each row is a setting with its value; a tap shows its options.

The values that buttons carry are defined here and read back here, so that both sides agree.
"""

from dataclasses import replace
from datetime import time
from typing import Final, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.callbacks.actions import Choose, Options, Setting, Settings
from bot.messages.i18n import LANGUAGES, Words
from bot.messages.keyboards import Row, in_rows, press
from bot.render.document import Block, Heading, Message, Paragraph, Text
from bot.text_sanitizer import one_line
from storage.model import ExcerptLength, Format, Preferences, When

LANGUAGE_NAMES: Final = {"zh": "中文", "en": "English"}


def setting_name(setting: Setting, words: Words) -> str:
    match setting:
        case Setting.LANGUAGE:
            return words.text("语言")
        case Setting.FORMAT:
            return words.text("格式")
        case Setting.WHEN:
            return words.text("什么时候")
        case Setting.HOUR:
            return words.text("钟点")
        case Setting.WEEKDAY:
            return words.text("星期")
        case Setting.QUIET:
            return words.text("安静时段")
        case Setting.TIME_ZONE:
            return words.text("时区")
        case Setting.SOUND:
            return words.text("声音")
        case Setting.EXCERPT:
            return words.text("摘要")
        case Setting.PICTURES:
            return words.text("图片")
        case _:
            assert_never(setting)


def current_value(setting: Setting, chosen: Preferences, words: Words) -> str:
    """The value that `setting` has now."""
    match setting:
        case Setting.LANGUAGE:
            return LANGUAGE_NAMES.get(chosen.language, chosen.language)
        case Setting.FORMAT:
            return format_name(chosen.format, words)
        case Setting.WHEN:
            return when_name(chosen, words)
        case Setting.HOUR:
            return words.clock(time(chosen.hour))
        case Setting.WEEKDAY:
            return words.weekday(chosen.weekday)
        case Setting.QUIET:
            return quiet_name(chosen.quiet_from, chosen.quiet_to, words)
        case Setting.TIME_ZONE:
            return chosen.time_zone
        case Setting.SOUND:
            return words.text("无声") if chosen.silent else words.text("有声")
        case Setting.EXCERPT:
            return excerpt_name(chosen.excerpt, words)
        case Setting.PICTURES:
            return words.text("要") if chosen.pictures else words.text("不要")
        case _:
            assert_never(setting)


def format_name(form: Format, words: Words) -> str:
    match form:
        case Format.AUTO:
            return words.text("自动")
        case Format.RICH:
            return words.text("富文本")
        case Format.CLASSIC:
            return words.text("经典")
        case _:
            assert_never(form)


def excerpt_name(length: ExcerptLength, words: Words) -> str:
    match length:
        case ExcerptLength.NONE:
            return words.text("不带")
        case ExcerptLength.SHORT:
            return words.text("短")
        case ExcerptLength.FULL:
            return words.text("完整")
        case _:
            assert_never(length)


def when_name(chosen: Preferences, words: Words) -> str:
    """立即, 每天 20:00 or 每周日 20:00."""
    at = words.clock(time(chosen.hour))
    match chosen.when:
        case When.INSTANT:
            return words.text("立即")
        case When.DAILY:
            return words.text("每天 {at}", at=at)
        case When.WEEKLY:
            return words.text("每{weekday} {at}", weekday=words.weekday(chosen.weekday), at=at)
        case _:
            assert_never(chosen.when)


def quiet_name(since: time | None, until: time | None, words: Words) -> str:
    if since is None or until is None:
        return words.text("没有")
    return words.text("{since} 至 {until}", since=words.clock(since), until=words.clock(until))


def how_it_comes(chosen: Preferences, words: Words) -> str:
    """One sentence: when new posts come, and what holds them back."""
    match chosen.when:
        case When.INSTANT:
            said = words.text("新文章一到就发来")
        case When.DAILY | When.WEEKLY:
            said = words.text("新文章汇总发来，{when}", when=when_name(chosen, words))
        case _:
            assert_never(chosen.when)
    if chosen.quiet_from is not None and chosen.quiet_to is not None:
        said += words.text("；{quiet} 不打扰", quiet=quiet_name(chosen.quiet_from, chosen.quiet_to, words))
    if chosen.silent:
        said += words.text("；不出声")
    return said + words.text("。")


_HOURS: Final = (7, 8, 9, 12, 18, 20, 21, 22)
_QUIET: Final = ((22, 7), (23, 8), (0, 8), (0, 9))
_ZONES: Final = (
    "Asia/Shanghai", "Asia/Tokyo", "Asia/Singapore", "Asia/Kolkata", "Europe/London", "Europe/Berlin",
    "America/New_York", "America/Los_Angeles", "Australia/Sydney", "UTC",
)  # fmt: skip
_ON: Final = "on"
_OFF: Final = "off"


def settings_menu(
    chosen: Preferences, words: Words, *, destination: int | None = None, title: str | None = None
) -> Message:
    """All settings with their values. `destination` and `title` are given where another chat is being set."""
    head = words.text("设置") if title is None else words.text("「{title}」的设置", title=one_line(title))
    rows = tuple(
        (
            press(
                f"{setting_name(setting, words)}：{current_value(setting, chosen, words)}"
                if words.language == "zh"
                else f"{setting_name(setting, words)}: {current_value(setting, chosen, words)}",
                Options(setting, destination),
            ),
        )
        for setting in Setting
        if _applies(setting, chosen)
    )
    body: tuple[Block, ...] = (
        Heading((Text(head),)),
        Paragraph((Text(how_it_comes(chosen, words)),)),
    )
    return Message(body=body, keyboard=rows)


def setting_options(
    setting: Setting, chosen: Preferences, words: Words, *, destination: int | None = None
) -> Message:
    """The values `setting` can have, the present one marked, and what it means."""
    body: tuple[Block, ...] = (
        Heading((Text(setting_name(setting, words)),)),
        Paragraph((Text(_explained(setting, words)),)),
    )
    present = chosen_value(setting, chosen)
    keys = (
        press(f"✓ {name}" if value == present else name, Choose(setting, value, destination))
        for value, name in _values(setting, words)
    )
    back: Row = (press(words.text("‹ 所有设置"), Settings(destination)),)
    return Message(body=body, keyboard=(*in_rows(keys, _width(setting)), back))


def chosen_value(setting: Setting, chosen: Preferences) -> str:
    """The present value as a button carries it."""
    match setting:
        case Setting.LANGUAGE:
            return chosen.language
        case Setting.FORMAT:
            return chosen.format.value
        case Setting.WHEN:
            return chosen.when.value
        case Setting.HOUR:
            return str(chosen.hour)
        case Setting.WEEKDAY:
            return str(chosen.weekday)
        case Setting.QUIET:
            since, until = chosen.quiet_from, chosen.quiet_to
            return _OFF if since is None or until is None else f"{since.hour}-{until.hour}"
        case Setting.TIME_ZONE:
            return chosen.time_zone
        case Setting.SOUND:
            return _OFF if chosen.silent else _ON
        case Setting.EXCERPT:
            return chosen.excerpt.value
        case Setting.PICTURES:
            return _ON if chosen.pictures else _OFF
        case _:
            assert_never(setting)


def with_choice(chosen: Preferences, setting: Setting, value: str) -> Preferences | None:
    """`chosen` with `setting` as a button or a typed word says; None if it is not a value of that setting."""
    try:
        return _with(chosen, setting, value)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None


def _with(chosen: Preferences, setting: Setting, value: str) -> Preferences | None:
    match setting:
        case Setting.LANGUAGE:
            return replace(chosen, language=value) if value in LANGUAGES else None
        case Setting.FORMAT:
            return replace(chosen, format=Format(value))
        case Setting.WHEN:
            return replace(chosen, when=When(value))
        case Setting.HOUR:
            return replace(chosen, hour=time(int(value)).hour)
        case Setting.WEEKDAY:
            return replace(chosen, weekday=int(value)) if int(value) in range(7) else None
        case Setting.QUIET if value == _OFF:
            return replace(chosen, quiet_from=None, quiet_to=None)
        case Setting.QUIET:
            since, until = (time(int(hour)) for hour in value.split("-"))
            return replace(chosen, quiet_from=since, quiet_to=until) if since != until else None
        case Setting.TIME_ZONE:
            return replace(chosen, time_zone=ZoneInfo(value).key)
        case Setting.SOUND:
            return replace(chosen, silent=value == _OFF) if value in (_ON, _OFF) else None
        case Setting.EXCERPT:
            return replace(chosen, excerpt=ExcerptLength(value))
        case Setting.PICTURES:
            return replace(chosen, pictures=value == _ON) if value in (_ON, _OFF) else None
        case _:
            assert_never(setting)


def _applies(setting: Setting, chosen: Preferences) -> bool:
    """The hour matters to digests only, the weekday to weekly ones."""
    match setting:
        case Setting.HOUR:
            return chosen.when is not When.INSTANT
        case Setting.WEEKDAY:
            return chosen.when is When.WEEKLY
        case _:
            return True


def _width(setting: Setting) -> int:
    match setting:
        case Setting.HOUR | Setting.WEEKDAY:
            return 4
        case Setting.TIME_ZONE | Setting.QUIET:
            return 2
        case _:
            return 3


def _values(setting: Setting, words: Words) -> tuple[tuple[str, str], ...]:
    """(what the button carries, what it shows)."""
    match setting:
        case Setting.LANGUAGE:
            return tuple(LANGUAGE_NAMES.items())
        case Setting.FORMAT:
            return tuple((form.value, format_name(form, words)) for form in Format)
        case Setting.WHEN:
            return (
                (When.INSTANT.value, words.text("立即")),
                (When.DAILY.value, words.text("每天")),
                (When.WEEKLY.value, words.text("每周")),
            )
        case Setting.HOUR:
            return tuple((str(hour), words.clock(time(hour))) for hour in _HOURS)
        case Setting.WEEKDAY:
            return tuple((str(day), words.weekday(day)) for day in range(7))
        case Setting.QUIET:
            spans = ((f"{a}-{b}", quiet_name(time(a), time(b), words)) for a, b in _QUIET)
            return (*spans, (_OFF, words.text("没有")))
        case Setting.TIME_ZONE:
            return tuple((zone, zone.replace("_", " ")) for zone in _ZONES)
        case Setting.SOUND:
            return ((_ON, words.text("有声")), (_OFF, words.text("无声")))
        case Setting.EXCERPT:
            return tuple((length.value, excerpt_name(length, words)) for length in ExcerptLength)
        case Setting.PICTURES:
            return ((_ON, words.text("要")), (_OFF, words.text("不要")))
        case _:
            assert_never(setting)


def _explained(setting: Setting, words: Words) -> str:
    match setting:
        case Setting.LANGUAGE:
            return words.text("文章总是中文；这里选的是其余的话。")
        case Setting.FORMAT:
            return words.text("自动：有公式时用富文本，其余用经典。旧的客户端选经典。")
        case Setting.WHEN:
            return words.text("一到就发，或者汇总成每天、每周一条。")
        case Setting.HOUR:
            return words.text("汇总在几点发来。别的钟点发「/settings hour 6」。")
        case Setting.WEEKDAY:
            return words.text("每周的汇总在哪天发来。")
        case Setting.QUIET:
            return words.text("这段时间里不发，结束时按顺序补上。别的时段发「/settings quiet 22-7」。")
        case Setting.TIME_ZONE:
            return words.text("钟点按这里的时间算。别处发「/settings zone Asia/Taipei」。")
        case Setting.SOUND:
            return words.text("无声的消息会到，但不响。")
        case Setting.EXCERPT:
            return words.text("卡片里的摘要有多长。")
        case Setting.PICTURES:
            return words.text("统计等可以画图的，用图还是用文字。")
        case _:
            assert_never(setting)
