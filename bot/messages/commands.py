"""Declarations of the bot's commands and profile, for Telegram's menus, /help and the README."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.messages.i18n import Words, words_for
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Declaration of a command: `name` is 1-32 of a-z0-9_, a description has at most 256 characters.

    `arguments` is written as a reader types it, in Chinese and in English; empty where there is none.
    `admin` commands are for the operators of the bot and appear in no public menu.
    """

    name: str
    zh: str
    en: str
    arguments: tuple[str, str] = ("", "")
    where: frozenset[Where]
    group: Group
    admin: bool = False

    def description(self, language: str) -> str:
        """Return what the command does, in a few words."""
        return self.en if language == "en" else words_for(language).catalogue.gettext(self.zh)

    def usage(self, language: str) -> str:
        """Return the command as it is typed: /series [名称]."""
        arguments = self.typed_arguments(language)
        return f"/{self.name} {arguments}" if arguments else f"/{self.name}"

    def typed_arguments(self, language: str) -> str:
        """Return the arguments as they are typed; empty where there is none."""
        chinese, english = self.arguments
        return english if language == "en" or not chinese else words_for(language).catalogue.gettext(chinese)


_EVERYWHERE: Final = frozenset({Where.PRIVATE, Where.GROUP, Where.ADMIN})
_MANAGERS: Final = frozenset({Where.PRIVATE, Where.ADMIN})
_ALONE: Final = frozenset({Where.PRIVATE})
_OPERATOR: Final = frozenset({Where.ADMIN})

COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        name="start",
        zh="开始",
        en="Get started",
        where=_ALONE,
        group=Group.DATA,
    ),
    Command(
        name="subscribe",
        arguments=("[种类 名称]", "[kind name]"),
        zh="订阅新文章",
        en="Subscribe to new posts",
        where=_MANAGERS,
        group=Group.SUBSCRIBE,
    ),
    Command(
        name="unsubscribe",
        arguments=("[名称]", "[name]"),
        zh="退订",
        en="Unsubscribe",
        where=_MANAGERS,
        group=Group.SUBSCRIBE,
    ),
    Command(
        name="subscriptions",
        zh="查看订阅",
        en="See the subscriptions",
        where=_EVERYWHERE,
        group=Group.SUBSCRIBE,
    ),
    Command(
        name="settings",
        arguments=("[设置 值]", "[setting value]"),
        zh="推送时间、免打扰、语言等设置",
        en="Delivery times, do not disturb, language",
        where=_MANAGERS,
        group=Group.SUBSCRIBE,
    ),
    Command(
        name="channel",
        zh="把新文章发到你的频道或群组",
        en="Send new posts to your channel or group",
        where=_ALONE,
        group=Group.SUBSCRIBE,
    ),
    Command(
        name="search",
        arguments=("词语", "words"),
        zh="搜索文章",
        en="Search the posts",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="latest",
        arguments=("[几篇]", "[how many]"),
        zh="最近文章",
        en="Latest posts",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="series",
        arguments=("[名称]", "[name]"),
        zh="按系列看",
        en="Browse by series",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="tag",
        arguments=("[名称]", "[name]"),
        zh="按标签看",
        en="Browse by tag",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="category",
        arguments=("[名称]", "[name]"),
        zh="按分类看",
        en="Browse by category",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="archive",
        arguments=("[年份]", "[year]"),
        zh="按年月看",
        en="Browse by year and month",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="hot",
        zh="读者增长最快的文章",
        en="Posts that gain readers fastest",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="random",
        zh="随便读一篇",
        en="A random post",
        where=_EVERYWHERE,
        group=Group.FIND,
    ),
    Command(
        name="read",
        arguments=("[系列]", "[series]"),
        zh="系列的阅读进度",
        en="Reading progress of your series",
        where=_ALONE,
        group=Group.READ,
    ),
    Command(
        name="course",
        arguments=("[系列]", "[series]"),
        zh="课程：从头一篇篇发来一个系列",
        en="Course: a series sent part by part",
        where=_MANAGERS,
        group=Group.READ,
    ),
    Command(
        name="saved",
        zh="收藏的文章",
        en="Saved posts",
        where=_ALONE,
        group=Group.READ,
    ),
    Command(
        name="stats",
        zh="博客统计",
        en="The blog in figures",
        where=_EVERYWHERE,
        group=Group.DATA,
    ),
    Command(
        name="export",
        arguments=("[格式 名称]", "[format name]"),
        zh="导出数据或文章列表",
        en="Export your data, or a list of posts",
        where=_MANAGERS,
        group=Group.DATA,
    ),
    Command(
        name="forget",
        zh="删除数据",
        en="Erase your data",
        where=_MANAGERS,
        group=Group.DATA,
    ),
    Command(
        name="about",
        zh="来源、作者和许可",
        en="Source, author and licence",
        where=_EVERYWHERE,
        group=Group.DATA,
    ),
    Command(
        name="help",
        arguments=("[命令]", "[command]"),
        zh="帮助",
        en="Help",
        where=_EVERYWHERE,
        group=Group.DATA,
    ),
    Command(
        name="status",
        zh="运行状况",
        en="State of the bot",
        where=_OPERATOR,
        group=Group.OPERATE,
        admin=True,
    ),
    Command(
        name="dumps",
        zh="收到的快照",
        en="Dumps taken in",
        where=_OPERATOR,
        group=Group.OPERATE,
        admin=True,
    ),
    Command(
        name="retry",
        zh="重试失败的投递",
        en="Retry failed deliveries",
        where=_OPERATOR,
        group=Group.OPERATE,
        admin=True,
    ),
    Command(
        name="broadcast",
        arguments=("文字", "text"),
        zh="向所有会话发一条消息",
        en="Send a message to every chat",
        where=_OPERATOR,
        group=Group.OPERATE,
        admin=True,
    ),
    Command(
        name="release",
        zh="放行暂缓的文章",
        en="Release posts on hold",
        where=_OPERATOR,
        group=Group.OPERATE,
        admin=True,
    ),
)


def menu(language: str, where: Where, commands: Iterable[Command] = COMMANDS) -> tuple[tuple[str, str], ...]:
    """Return the names and descriptions for Telegram's menu in `where`, without the operators' commands."""
    return tuple(
        (command.name, command.description(language))
        for command in commands
        if where in command.where and not command.admin
    )


def operator_menu(language: str, commands: Iterable[Command] = COMMANDS) -> tuple[tuple[str, str], ...]:
    """Return the private menu of an operator: all public commands, then the operators' own."""
    own = tuple((command.name, command.description(language)) for command in commands if command.admin)
    return menu(language, Where.PRIVATE, commands) + own


def markdown_table(language: str = "en", commands: Iterable[Command] = COMMANDS) -> str:
    """Return the table of commands for the README."""
    head = ("Command", "What it does") if language == "en" else ("命令", "用途")
    rows = [(f"`{_escaped(command.usage(language))}`", command.description(language)) for command in commands]
    return "\n".join(f"| {left} | {right} |" for left, right in (head, ("---", "---"), *rows)) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


# Telegram falls back to the entry without a language, which English-speaking and all other clients see.
CLIENTS: Final = (("", "en"), ("zh", "zh"))


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
