"""Declarations of the bot's commands and profile, for Telegram's menus, /help and the README."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.messages.i18n import LANGUAGES, Words, words_for
from bot.site_profile import KEXUE, SiteProfile


class Where(StrEnum):
    """Place whose menu shows a command, which can be typed anywhere."""

    PRIVATE = "private"
    GROUP = "group"
    ADMIN = "admin"  # the administrators of a group, or of the bot if `Command.admin`


class Group(StrEnum):
    """Heading of /help under which a command is listed."""

    SUBSCRIBE = "subscribe"
    FIND = "find"
    READ = "read"
    DATA = "data"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Command:
    """Declaration of a command: `name` is 1-32 of a-z0-9_, a description has at most 256 characters.

    `arguments` is written as a reader types it, in Chinese and in English; empty where there is none.
    `admin` commands are for the operators of the bot and appear in no public menu.
    """

    name: str
    arguments: tuple[str, str]
    zh: str
    en: str
    where: frozenset[Where]
    group: Group

    @property
    def admin(self) -> bool:
        return self.group is Group.OPERATE

    def description(self, language: str) -> str:
        """Return what the command does, in a few words."""
        return _in_language(language, self.zh, self.en)

    def usage(self, language: str) -> str:
        """Return the command as it is typed: /series [名称]."""
        arguments = self.typed_arguments(language)
        return f"/{self.name} {arguments}" if arguments else f"/{self.name}"

    def typed_arguments(self, language: str) -> str:
        """Return the arguments as they are typed; empty where there is none."""
        chinese, english = self.arguments
        return _in_language(language, chinese, english) if chinese else english


def _in_language(language: str, chinese: str, english: str) -> str:
    """Return the catalogue's translation of the Chinese text; English where a further language has none."""
    if language == "en":
        return english
    words = words_for(language)
    told = words.catalogue.gettext(chinese)
    return told if words.chinese or told != chinese else english


_EVERYWHERE: Final = frozenset({Where.PRIVATE, Where.GROUP, Where.ADMIN})
_MANAGERS: Final = frozenset({Where.PRIVATE, Where.ADMIN})
_ALONE: Final = frozenset({Where.PRIVATE})
_OPERATOR: Final = frozenset({Where.ADMIN})

_Row = tuple[str, str, str, str, str, frozenset[Where]]

# Name, arguments and description in Chinese and in English, and where the menu shows it.
_ROWS: Final[dict[Group, tuple[_Row, ...]]] = {
    Group.SUBSCRIBE: (
        ("subscribe", "[种类 名称]", "[kind name]", "订阅新文章", "Subscribe to new posts", _MANAGERS),
        ("unsubscribe", "[名称]", "[name]", "退订", "Unsubscribe", _MANAGERS),
        ("subscriptions", "", "", "查看订阅", "See the subscriptions", _EVERYWHERE),
        ("settings", "[设置 值]", "[setting value]", "推送时间、免打扰、语言等设置",
         "Delivery times, do not disturb, language", _MANAGERS),
        ("channel", "", "", "把新文章发到你的频道或群组", "Send new posts to your channel or group", _ALONE),
    ),
    Group.FIND: (
        ("search", "词语", "words", "搜索文章", "Search the posts", _EVERYWHERE),
        ("latest", "[几篇]", "[how many]", "最近文章", "Latest posts", _EVERYWHERE),
        ("series", "[名称]", "[name]", "按系列看", "Browse by series", _EVERYWHERE),
        ("tag", "[名称]", "[name]", "按标签看", "Browse by tag", _EVERYWHERE),
        ("category", "[名称]", "[name]", "按分类看", "Browse by category", _EVERYWHERE),
        ("archive", "[年份]", "[year]", "按年月看", "Browse by year and month", _EVERYWHERE),
        ("hot", "", "", "读者增长最快的文章", "Posts that gain readers fastest", _EVERYWHERE),
        ("random", "", "", "随便读一篇", "A random post", _EVERYWHERE),
    ),
    Group.READ: (
        ("read", "[系列]", "[series]", "系列的阅读进度", "Reading progress of your series", _ALONE),
        ("course", "[系列]", "[series]", "课程：从头一篇篇发来一个系列",
         "Course: a series sent part by part", _MANAGERS),
        ("saved", "", "", "收藏的文章", "Saved posts", _ALONE),
    ),
    Group.DATA: (
        ("start", "", "", "开始", "Get started", _ALONE),
        ("stats", "", "", "博客统计", "The blog in figures", _EVERYWHERE),
        ("export", "[格式 名称]", "[format name]", "导出数据或文章列表",
         "Export your data, or a list of posts", _MANAGERS),
        ("forget", "", "", "删除数据", "Erase your data", _MANAGERS),
        ("about", "", "", "来源、作者和许可", "Source, author and licence", _EVERYWHERE),
        ("help", "[命令]", "[command]", "帮助", "Help", _EVERYWHERE),
    ),
    Group.OPERATE: (
        ("status", "", "", "运行状况", "State of the bot", _OPERATOR),
        ("dumps", "", "", "收到的快照", "Dumps taken in", _OPERATOR),
        ("retry", "", "", "重试失败的投递", "Retry failed deliveries", _OPERATOR),
        ("broadcast", "文字", "text", "向所有会话发一条消息", "Send a message to every chat", _OPERATOR),
        ("release", "", "", "放行暂缓的文章", "Release posts on hold", _OPERATOR),
    ),
}  # fmt: skip
COMMANDS: Final = tuple(
    Command(name, (zh_arguments, arguments), zh, en, where, group)
    for group, rows in _ROWS.items()
    for name, zh_arguments, arguments, zh, en, where in rows
)


def menu(language: str, where: Where) -> tuple[tuple[str, str], ...]:
    """Return the names and descriptions for Telegram's menu in `where`, without the operators' commands."""
    return tuple(
        (command.name, command.description(language))
        for command in COMMANDS
        if where in command.where and not command.admin
    )


def operator_menu(language: str) -> tuple[tuple[str, str], ...]:
    """Return the private menu of an operator: all public commands, then the operators' own."""
    own = tuple((command.name, command.description(language)) for command in COMMANDS if command.admin)
    return menu(language, Where.PRIVATE) + own


# Clients by Telegram's two-letter codes. It falls back to the entry without one, which English-speaking and
# all other clients see.
CLIENTS: Final = (("", "en"), *((code, code) for code in LANGUAGES if len(code) == 2 and code != "en"))


class Audience(StrEnum):
    """Whose menu it is, by the names of the Bot API's command scopes; the narrowest that fits is shown."""

    ALL = "default"
    PRIVATE = "all_private_chats"
    GROUPS = "all_group_chats"
    ADMINISTRATORS = "all_chat_administrators"
    CHAT = "chat"


class Label(StrEnum):
    """A line of the bot's profile."""

    NAME = "name"
    DESCRIPTION = "description"
    SHORT_DESCRIPTION = "short_description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A line of the profile for clients of a language code ("": all others)."""

    label: Label
    client: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.label}/{self.client}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """The commands an audience is offered, `chat_id` for one chat only. Without commands it is removed."""

    audience: Audience
    client: str
    commands: tuple[tuple[str, str], ...]
    chat_id: int | None = None

    @property
    def key(self) -> str:
        return f"{self.audience}:{self.chat_id or ''}/{self.client}"


Entry = Labelled | Menu

_PLACES: Final = (
    (Audience.ALL, Where.GROUP),
    (Audience.PRIVATE, Where.PRIVATE),
    (Audience.GROUPS, Where.GROUP),
    (Audience.ADMINISTRATORS, Where.ADMIN),
)


def profile(operators: tuple[int, ...] = (), site: SiteProfile = KEXUE) -> tuple[Entry, ...]:
    """Return the whole profile in both languages; the chats `operators` get their own menu."""
    entries: list[Entry] = []
    for client, language in CLIENTS:
        entries += [
            Labelled(label=label, client=client, text=text)
            for label, text in _labels(words_for(language, site)).items()
        ]
        entries += [
            Menu(audience=audience, client=client, commands=menu(language, where))
            for audience, where in _PLACES
        ]
        entries += [
            Menu(audience=Audience.CHAT, client=client, commands=operator_menu(language), chat_id=chat_id)
            for chat_id in operators
        ]
    return tuple(entries)


def removed(key: str) -> Menu | None:
    """Return the empty menu of a chat that had its own under `key`; None for another entry."""
    place, _, client = key.partition("/")
    audience, _, chat_id = place.partition(":")
    if audience != Audience.CHAT or not chat_id.lstrip("-").isdecimal():
        return None
    return Menu(audience=Audience.CHAT, client=client, commands=(), chat_id=int(chat_id))


def _labels(words: Words) -> dict[Label, str]:
    """Return the name (at most 64 characters), description (512) and short description (120)."""
    blog, author, host = words.blog, words.author, words.site.host
    name = words.text("跟读{blog}", blog=blog)
    description = words.text(
        "{blog}（{host}，{author}的博客）有新文章，我第一时间推给你；旧文章按系列、标签和关键词随时可查，"
        "公式照原样显示。\n\n点「开始」，两下就能订阅。这不是博客官方的机器人。",
        author=author,
        blog=blog,
        host=host,
    )
    short = words.text("{blog}（{host}）的新文章和全部旧文章，公式照原样显示。", blog=blog, host=host)
    return {Label.NAME: name[:64], Label.DESCRIPTION: description[:512], Label.SHORT_DESCRIPTION: short[:120]}
