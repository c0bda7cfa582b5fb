"""Parser of typed text: setting names and values, scopes after /subscribe, references to a post.

Values are those that the buttons of /settings carry, so that both go through `with_choice`; everything that
a message or button calls a scope or an action is understood when it is typed.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from bot.callbacks.actions import Setting
from bot.site_profile import SiteProfile
from bot.text_sanitizer import simplified
from storage.model import ScopeKind

_NAMES: Final[dict[Setting, tuple[str, ...]]] = {
    Setting.LANGUAGE: ("language", "lang", "语言"),
    Setting.FORMAT: ("format", "formulas", "公式显示", "公式", "格式"),
    Setting.WHEN: ("when", "delivery", "digest", "推送方式", "推送", "汇总", "什么时候"),
    Setting.HOUR: ("hour", "time", "send at", "推送时间", "时间", "钟点"),
    Setting.WEEKDAY: ("weekday", "day", "send on", "推送日", "星期"),
    Setting.QUIET: ("quiet", "do not disturb", "dnd", "quiet hours", "免打扰", "安静时段"),
    Setting.TIME_ZONE: ("zone", "time zone", "timezone", "时区"),
    Setting.SOUND: ("sound", "提示音", "声音"),
    Setting.EXCERPT: ("excerpt", "摘要"),
    Setting.PICTURES: ("pictures", "charts", "统计图表", "图表", "图片"),
    Setting.LESSONS: ("lessons", "lessons count as read", "lessons sent count as read", "发来的课算读过",
                      "sent lessons count as read", "课程算读过", "课程"),
}  # fmt: skip
_WORDS: Final[dict[Setting, dict[str, tuple[str, ...]]]] = {
    Setting.LANGUAGE: {
        "zh": ("zh", "中文", "汉语", "简体", "简体中文", "chinese"),
        "zh-hant": ("zh-hant", "zh-tw", "zh-hk", "繁体", "繁体中文", "正体中文", "traditional chinese"),
        "en": ("en", "英文", "英语", "english"),
    },
    Setting.FORMAT: {
        "auto": ("auto", "automatic", "自动"),
        "rich": ("rich", "rich text", "富文本", "格式化文字"),
        "classic": ("classic", "plain", "plain text", "纯文本", "纯文字", "经典"),
    },
    Setting.WHEN: {
        "instant": ("instant", "instantly", "at once", "即时", "立即", "马上"),
        "daily": ("daily", "day", "every day", "daily digest", "每天", "每日", "每天汇总", "日报"),
        "weekly": ("weekly", "week", "every week", "weekly digest", "每周", "每星期", "每周汇总", "周报"),
    },
    Setting.SOUND: {
        "on": ("on", "yes", "开", "打开", "开启", "有", "有声"),
        "off": ("off", "no", "silent", "关", "关闭", "关掉", "无", "无声", "静音"),
    },
    Setting.EXCERPT: {
        "none": ("none", "off", "no", "hidden", "不显示", "不带", "关", "无"),
        "short": ("short", "短"),
        "full": ("full", "long", "长", "全文", "完整"),
    },
    Setting.PICTURES: {
        "on": ("on", "yes", "pictures", "picture", "图片", "图", "开", "要"),
        "off": ("off", "no", "text", "文字", "关", "不要"),
    },
    Setting.LESSONS: {
        "on": ("on", "yes", "开", "打开", "开启", "是"),
        "off": ("off", "no", "关", "关闭", "关掉", "否"),
    },
}  # fmt: skip
_OFF: Final = frozenset({"off", "no", "none", "关", "关闭", "关掉", "无", "没有", "不要"})
_WEEKDAYS: Final = (
    ("1", "一", "mon", "monday"), ("2", "二", "tue", "tuesday"), ("3", "三", "wed", "wednesday"),
    ("4", "四", "thu", "thur", "thursday"), ("5", "五", "fri", "friday"), ("6", "六", "sat", "saturday"),
    ("7", "日", "天", "sun", "sunday"),
)  # fmt: skip
_ZONES: Final = {
    "北京": "Asia/Shanghai", "北京时间": "Asia/Shanghai", "beijing": "Asia/Shanghai", "上海": "Asia/Shanghai",
    "中国": "Asia/Shanghai", "深圳": "Asia/Shanghai", "广州": "Asia/Shanghai", "杭州": "Asia/Shanghai",
    "成都": "Asia/Shanghai", "香港": "Asia/Hong_Kong", "澳门": "Asia/Macau", "台北": "Asia/Taipei",
    "乌鲁木齐": "Asia/Urumqi", "东京": "Asia/Tokyo", "日本": "Asia/Tokyo", "首尔": "Asia/Seoul",
    "新加坡": "Asia/Singapore", "曼谷": "Asia/Bangkok", "吉隆坡": "Asia/Kuala_Lumpur",
    "孟买": "Asia/Kolkata", "迪拜": "Asia/Dubai", "伦敦": "Europe/London", "巴黎": "Europe/Paris",
    "柏林": "Europe/Berlin", "慕尼黑": "Europe/Berlin", "苏黎世": "Europe/Zurich", "莫斯科": "Europe/Moscow",
    "阿姆斯特丹": "Europe/Amsterdam", "纽约": "America/New_York", "波士顿": "America/New_York",
    "boston": "America/New_York", "多伦多": "America/Toronto", "芝加哥": "America/Chicago",
    "温哥华": "America/Vancouver", "洛杉矶": "America/Los_Angeles", "旧金山": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles", "西雅图": "America/Los_Angeles",
    "seattle": "America/Los_Angeles", "悉尼": "Australia/Sydney", "墨尔本": "Australia/Melbourne",
}  # fmt: skip
_OFFSET: Final = re.compile(r"(?:utc|gmt)\s*([+-])\s*(\d{1,2})(?::?00)?")
_TIME: Final = (
    r"(?:at\s+)?(?P<half{0}>凌晨|清晨|早上|早晨|上午|早|中午|下午|傍晚|晚上|夜里|半夜|深夜|晚)?\s*"
    r"(?P<hour{0}>\d{{1,2}})(?:\s*[:点时.]\s*(?:钟|整)?(?P<minute{0}>\d{{2}}|半|一刻|三刻)?\s*分?)?"
    r"\s*(?:o'?clock)?\s*(?P<clock{0}>a\.?m\.?|p\.?m\.?)?"
)
_ONE_TIME: Final = re.compile(_TIME.format(1))
_TWO_TIMES: Final = re.compile(
    rf"(?:from\s+)?{_TIME.format(1)}\s*(?:-|–|—{{1,2}}|~|～|至|到|to|until)"
    rf"\s*(?:次日|翌日|第2天|明天?|the next (?:day|morning))?的?\s*{_TIME.format(2)}"
)
_BECOMES: Final = re.compile(r"^[ :=]*(?:改[成为到]|设置?[成为]|调[成到]|换[成到]|to )?")
_RHYTHM_NOISE: Final = re.compile(r"[,，]|汇总(?:成一条)?|\bdigests?\b")
LONGEST_SCHEDULE: Final = 60  # characters; each place in it is tried as the end of its day
_EACH: Final = re.compile(r"每|every |weekly ")
_AFTERNOON: Final = frozenset({"下午", "傍晚", "pm"})
_NIGHT: Final = frozenset({"晚上", "晚", "夜里", "半夜", "深夜"})
_MINUTES: Final = {"半": 30, "一刻": 15, "三刻": 45}
_NOON: Final = dict.fromkeys(("中午", "正午", "noon"), "12:00") | dict.fromkeys(("午夜", "midnight"), "0:00")
_NUMERAL: Final = re.compile(r"[零〇一二两三四五六七八九十]+(?!刻)")
_DIGITS: Final = {sign: digit for digit, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def parse_assignment(text: str) -> tuple[Setting | None, str]:
    """Return the setting that `text` begins with, in either language, and the value typed after it.

    A value alone is enough where it is one of a single setting: 每天, 上海, 23:00-7:00.
    """
    shown = " ".join(unicodedata.normalize("NFKC", text).split())
    plain = simplified(shown).lower()
    names = sorted(((name, one) for one, names in _NAMES.items() for name in names), key=lambda x: -len(x[0]))
    for name, setting in names:
        if plain == name:
            return setting, ""
        if plain.startswith(name) and (plain[len(name)] in " :=" or not name.isascii()):
            return setting, _BECOMES.sub("", shown[len(name) :], count=1).strip()
    values = [setting for setting in Setting if parse_value(setting, shown) is not None]
    return (values[0], shown) if len(values) == 1 else (None, shown)


def parse_values(text: str) -> dict[Setting, str]:
    """Return the values that `text` sets: of the setting that it names, or of delivery, day and hour."""
    setting, typed = parse_assignment(text)
    schedule = _schedule(text) or (_schedule(typed, timeless=True) if setting is Setting.WHEN else {})
    if schedule or setting is None:
        return schedule
    value = parse_value(setting, typed)
    return {} if value is None else {setting: value}


def parse_value(setting: Setting, typed: str) -> str | None:
    """Return the value that a button of `setting` would carry for `typed`; None if it is not understood."""
    typed = _plain(typed)
    match setting:
        case Setting.HOUR:
            minute = _time_of_day(typed)
            return None if minute is None or minute % 60 else str(minute // 60)
        case Setting.WEEKDAY:
            return _weekday(typed)
        case Setting.QUIET:
            return _quiet(typed)
        case Setting.TIME_ZONE:
            return _zone(typed)
        case _:
            return next((value for value, forms in _WORDS[setting].items() if typed in forms), None)


def _plain(text: str) -> str:
    return " ".join(simplified(unicodedata.normalize("NFKC", text)).casefold().split()).strip("「」“”\"' 。")


def _in_digits(text: str) -> str:
    """Return `text` with Chinese numbers below a hundred in digits: 八点半 as 8点半."""

    def digits(found: re.Match[str]) -> str:
        tens, ten, ones = found[0].rpartition("十")
        if not ten:
            return "".join(str(_DIGITS[sign]) for sign in ones)
        return str((_DIGITS.get(tens, 1) if tens else 1) * 10 + (_DIGITS.get(ones, 0) if ones else 0))

    return _NUMERAL.sub(digits, _NOON.get(text, text))


def is_time(typed: str) -> bool:
    """Return whether `typed` is a time of the day, perhaps one with minutes."""
    return _time_of_day(_plain(typed)) is not None


def _time_of_day(typed: str) -> int | None:
    found = _ONE_TIME.fullmatch(_in_digits(re.sub(r"^(?:每[天日]?|daily |every day )", "", typed)))
    return _minute(found, 1) if found is not None else None


def _minute(found: re.Match[str], which: int) -> int | None:
    """Return the minute of the day of a matched time, 12-hour forms included; None if there is none."""
    hour, minute = int(found[f"hour{which}"]), found[f"minute{which}"] or "0"
    half = found[f"half{which}"] or (found[f"clock{which}"] or "").replace(".", "")
    minutes = _MINUTES[minute] if minute in _MINUTES else int(minute)
    if hour == 12 and half in {"am", "凌晨"} | _NIGHT:
        hour = 0
    elif hour < 12 and (half in _AFTERNOON or (half in _NIGHT and hour >= 5)):
        hour += 12  # 夜里两点 is early in the morning
    elif half == "中午" and hour < 3:
        hour += 12
    return (
        hour * 60 + minutes if (hour < 24 and minutes < 60) else (0 if (hour, minutes) == (24, 0) else None)
    )


def _weekday(typed: str) -> str | None:
    day = re.sub(r"^(?:每?个?(?:周|星期|礼拜)|(?:weekly |every )?(?:on )?)", "", typed)
    day = day.removesuffix(".").removesuffix("s")
    return next((str(number) for number, forms in enumerate(_WEEKDAYS) if day in forms), None)


def _schedule(text: str, *, timeless: bool = False) -> dict[Setting, str]:
    """Return delivery, day and hour of 每周一 8点 or daily at 8: two of them at least, unless `timeless`."""
    plain = re.sub(r"^每(?=[早晚中])", "每天", " ".join(_RHYTHM_NOISE.sub(" ", _plain(text)).split()))
    for size in range(len(plain) if len(plain) <= LONGEST_SCHEDULE else 0, 0, -1):
        day, at = plain[:size].strip(), plain[size:].strip()
        minute, weekday = _time_of_day(at), None if day.isdecimal() else _weekday(day)
        rhythm = parse_value(Setting.WHEN, day) or ("weekly" if weekday and _EACH.match(day) else None)
        hour = None if minute is None or minute % 60 else str(minute // 60)
        found = {Setting.WHEN: rhythm, Setting.WEEKDAY: weekday, Setting.HOUR: hour}
        if (rhythm or weekday) and (hour or not at):
            whole = timeless if not at else rhythm != "instant"
            return {setting: value for setting, value in found.items() if value is not None} if whole else {}
    return {}


def _quiet(typed: str) -> str | None:
    """Return `off` or `HH-HH`; with minutes `HHMM-HHMM`."""
    if typed in _OFF:
        return "off"
    found = _TWO_TIMES.fullmatch(_in_digits(typed.removeprefix("从")))
    if found is None:
        return None
    since, until = _minute(found, 1), _minute(found, 2)
    if since is None or until is None or since == until:
        return None
    return quiet_value(time(*divmod(since, 60)), time(*divmod(until, 60)))


def quiet_value(since: time, until: time) -> str:
    """Return quiet hours as in callback data: 23-7, with minutes 2330-0700."""
    if since.minute == until.minute == 0:
        return f"{since.hour}-{until.hour}"
    return f"{since:%H%M}-{until:%H%M}"


def _zone(typed: str) -> str | None:
    typed = typed.removesuffix("时间").removesuffix("时区").removesuffix(" time")
    if found := _OFFSET.fullmatch(typed):
        hours = int(found[2])
        if hours > (14 if found[1] == "+" else 12):
            return None
        # POSIX signs: Etc/GMT-8 lies eight hours east of Greenwich.
        return "UTC" if hours == 0 else f"Etc/GMT{'-' if found[1] == '+' else '+'}{hours}"
    return _ZONES.get(typed) or _zones().get(typed.replace(" ", "_"))


@cache
def _zones() -> dict[str, str]:
    """Return the IANA zones by their full names and by their cities."""
    names = sorted(available_timezones())
    whole = {zone.casefold(): zone for zone in names}
    within = ("Etc/", "posix/", "right/", "US/", "SystemV/")
    cities = [zone for zone in names if "/" in zone and not zone.startswith(within)]
    return {zone.rpartition("/")[2].casefold(): zone for zone in reversed(cities)} | whole


# Words that mean a command: alone as a whole message, or only behind a slash.
_ALONE: Final = {
    "订阅": "subscribe", "退订": "unsubscribe", "取消订阅": "unsubscribe", "我的订阅": "subscriptions",
    "设置": "settings", "设定": "settings",
    "帮助": "help", "help": "help", "开始": "start", "最近文章": "latest",
    "最新文章": "latest", "最近的文章": "latest", "最新的文章": "latest", "latest": "latest",
    "收藏": "saved", "阅读进度": "read", "订阅全部": "subscribe all",
    "全部退订": "unsubscribe all", "退订全部": "unsubscribe all", "subscribe": "subscribe",
    "unsubscribe": "unsubscribe", "subscriptions": "subscriptions", "settings": "settings",
}  # fmt: skip
_BEHIND_A_SLASH: Final = {
    "搜索": "search", "搜寻": "search", "系列": "series", "标签": "tag", "分类": "category",
    "归档": "archive", "最新": "latest", "最近": "latest", "随机": "random", "热门": "hot", "统计": "stats",
    "进度": "read", "课程": "course", "导出": "export", "汇出": "export", "关于": "about",
    "menu": "help", "屏蔽": "subscribe 屏蔽", "封锁": "subscribe 屏蔽", "取消屏蔽": "unsubscribe 屏蔽",
    "取消封锁": "unsubscribe 屏蔽", "mute": "subscribe mute",
    "unmute": "unsubscribe mute", "stop": "unsubscribe",
}  # fmt: skip
_WITH_A_NAME: Final = frozenset({"subscribe", "unsubscribe"})


def parse_command(text: str) -> tuple[str, str] | None:
    """Return the command that 帮助, /订阅 扩散 or /quiet 23-7 means, and what follows."""
    name, _, rest = text.removeprefix("/").strip().partition(" ")
    slashed, word = text.startswith("/"), simplified(name).lower()
    command = _ALONE.get(word) or (_BEHIND_A_SLASH.get(word) if slashed else None)
    if command is not None and (slashed or not rest or command in _WITH_A_NAME):
        command, _, start = command.partition(" ")
        return command, f"{start} {rest}".strip()
    if slashed and parse_assignment(name)[0] is not None and not parse_assignment(name)[1]:
        return "settings", f"{name} {rest}".strip()
    return None


KINDS: Final = {
    "series": ScopeKind.SERIES, "系列": ScopeKind.SERIES,
    "tag": ScopeKind.TAG, "tags": ScopeKind.TAG, "标签": ScopeKind.TAG,
    "category": ScopeKind.CATEGORY, "categories": ScopeKind.CATEGORY, "分类": ScopeKind.CATEGORY,
    "word": ScopeKind.WORD, "words": ScopeKind.WORD, "keyword": ScopeKind.WORD, "keywords": ScopeKind.WORD,
    "关键词": ScopeKind.WORD, "关键字": ScopeKind.WORD, "词语": ScopeKind.WORD, "词": ScopeKind.WORD,
}  # fmt: skip
EVERYTHING: Final = frozenset({
    "all", "everything", "every", "every post", "all posts", "全部", "全部文章", "所有", "所有文章",
})  # fmt: skip
MUTES: Final = (
    "except", "mute", "muted", "block", "never", "屏蔽", "已屏蔽", "封锁", "已封锁", "除了", "静音", "不要",
)  # fmt: skip
_SIGNS: Final = "🔔🔕 :：·"
_QUOTED: Final = re.compile(r"[「『“\"'《](.+)[」』”\"'》]")


@dataclass(frozen=True, slots=True)
class ScopeText:
    """A scope as typed: its kind where one is given, its name, and whether a mute is meant."""

    kind: ScopeKind | None
    name: str
    muted: bool = False


def parse_scope(text: str) -> ScopeText:
    """Return the scope that `text` names; an empty name means that none is given."""
    text = " ".join(text.split()).strip(_SIGNS)
    rest = next((rest for word in MUTES if (rest := _after(text, word)) is not None), None)
    muted, text = rest is not None, text if rest is None else rest
    if simplified(text).lower() in EVERYTHING:
        return ScopeText(ScopeKind.EVERYTHING, "", muted)
    if len(text) > 1 and text[0] in "#≈" and not text[1].isspace():
        return ScopeText(ScopeKind.TAG, _unquoted(text[1:]), muted)
    for word, kind in KINDS.items():
        rest = _after(text, word)
        if rest is not None:
            name = rest.lstrip("#≈") if kind is ScopeKind.TAG else rest
            return ScopeText(kind, _unquoted(name), muted)
    return ScopeText(None, _unquoted(text), muted)


def _after(text: str, word: str) -> str | None:
    """Return what follows `word` at the start of `text`; None if another word begins there.

    A Chinese word may be followed by Latin letters, a sign or a word of `KINDS` without a blank.
    """
    lower = simplified(text).lower()
    if lower == word:
        return ""
    if not lower.startswith(word):
        return None
    rest, following = text[len(word) :], lower[len(word) :]
    follows = (
        rest[0] in " :：「『“\"'《"
        or (not word.isascii() and (rest[0] in "#≈" or (rest[0].isascii() and rest[0].isalnum())))
        or (word in MUTES and following.startswith(tuple(kind for kind in KINDS if not kind.isascii())))
    )
    return rest.lstrip(" :：") if follows else None


def _unquoted(name: str) -> str:
    found = _QUOTED.fullmatch(name.strip())
    return found[1].strip() if found else name.strip()


_ADDRESS = re.compile(
    r"(?:https?://)?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,}(?::[0-9]{1,5})?)(?P<path>/[^\s]*)"
)
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class PostReference:
    """The number of a post in the addresses of the blog; `explicit` if it came in an address."""

    number: int
    explicit: bool = True


def find_post(text: str, site: SiteProfile) -> PostReference | None:
    """Return the first post that `text` refers to; a bare number must be the whole text.

    Query, fragment and comment pages behind the number are ignored.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    path = re.compile(site.post_path_pattern, re.IGNORECASE)
    for address in _ADDRESS.finditer(text):
        if site.has_host(address["host"]) and (found := path.match(address["path"])):
            return PostReference(int(found["id"]))
    if found := path.match(text if text.startswith("/") else f"/{text}"):
        return PostReference(int(found["id"]))
    if _NUMBER.fullmatch(text):
        return PostReference(int(text), explicit=False)
    return None
