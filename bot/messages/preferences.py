"""What a chat has chosen, in words: the values of the settings and the sentence "what comes when".

Pure descriptions of `Preferences`; the menus are in settings.py.
"""

from datetime import time
from typing import Final, assert_never

from bot.messages.actions.settings import Setting
from bot.messages.words import Words
from storage.model import ExcerptLength, Format, Preferences, When

LANGUAGE_NAMES: Final = {"zh": "中文", "en": "English"}


def setting_name(setting: Setting, words: Words) -> str:
    match setting:
        case Setting.LANGUAGE:
            return words.say("语言")
        case Setting.FORMAT:
            return words.say("格式")
        case Setting.WHEN:
            return words.say("什么时候")
        case Setting.HOUR:
            return words.say("钟点")
        case Setting.WEEKDAY:
            return words.say("星期")
        case Setting.QUIET:
            return words.say("安静时段")
        case Setting.TIME_ZONE:
            return words.say("时区")
        case Setting.SOUND:
            return words.say("声音")
        case Setting.EXCERPT:
            return words.say("摘要")
        case Setting.PICTURES:
            return words.say("图片")
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
            return words.say("无声") if chosen.silent else words.say("有声")
        case Setting.EXCERPT:
            return excerpt_name(chosen.excerpt, words)
        case Setting.PICTURES:
            return words.say("要") if chosen.pictures else words.say("不要")
        case _:
            assert_never(setting)


def format_name(form: Format, words: Words) -> str:
    match form:
        case Format.AUTO:
            return words.say("自动")
        case Format.RICH:
            return words.say("富文本")
        case Format.CLASSIC:
            return words.say("经典")
        case _:
            assert_never(form)


def excerpt_name(length: ExcerptLength, words: Words) -> str:
    match length:
        case ExcerptLength.NONE:
            return words.say("不带")
        case ExcerptLength.SHORT:
            return words.say("短")
        case ExcerptLength.FULL:
            return words.say("完整")
        case _:
            assert_never(length)


def when_name(chosen: Preferences, words: Words) -> str:
    """立即, 每天 20:00 or 每周日 20:00."""
    at = words.clock(time(chosen.hour))
    match chosen.when:
        case When.INSTANT:
            return words.say("立即")
        case When.DAILY:
            return words.say("每天 {at}", at=at)
        case When.WEEKLY:
            return words.say("每{weekday} {at}", weekday=words.weekday(chosen.weekday), at=at)
        case _:
            assert_never(chosen.when)


def quiet_name(since: time | None, until: time | None, words: Words) -> str:
    if since is None or until is None:
        return words.say("没有")
    return words.say("{since} 至 {until}", since=words.clock(since), until=words.clock(until))


def how_it_comes(chosen: Preferences, words: Words) -> str:
    """One sentence: when new posts come, and what holds them back."""
    match chosen.when:
        case When.INSTANT:
            said = words.say("新文章一到就发来")
        case When.DAILY | When.WEEKLY:
            said = words.say("新文章汇总发来，{when}", when=when_name(chosen, words))
        case _:
            assert_never(chosen.when)
    if chosen.quiet_from is not None and chosen.quiet_to is not None:
        said += words.say("；{quiet} 不打扰", quiet=quiet_name(chosen.quiet_from, chosen.quiet_to, words))
    if chosen.silent:
        said += words.say("；不出声")
    return said + words.say("。")
