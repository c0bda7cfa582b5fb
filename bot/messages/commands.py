"""The bot's commands, each declared once: for registration, Telegram's menu, /help and the README's table.

Knows their names and words, not what they do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Where(StrEnum):
    """The place whose menu shows a command. It may be typed anywhere."""

    PRIVATE = "private"
    GROUP = "group"
    ADMIN = "admin"  # the administrators of a group, or of the bot if `Command.admin`


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`name` is 1-32 of a-z0-9_; a description is what Telegram's menu shows, at most 256 characters.

    `arguments` is written as a reader would type it, in Chinese and in English; empty where there is none.
    `admin` commands are for the operators of the bot and appear in no public menu.
    """

    name: str
    zh: str
    en: str
    arguments: tuple[str, str] = ("", "")
    where: frozenset[Where]
    admin: bool = False

    def description(self, language: str) -> str:
        """What it does, in a few words."""
        return self.zh if language == "zh" else self.en

    def usage(self, language: str) -> str:
        """As it is typed: /series [名称]."""
        arguments = self.arguments[0 if language == "zh" else 1]
        return f"/{self.name} {arguments}" if arguments else f"/{self.name}"


_EVERYWHERE: Final = frozenset({Where.PRIVATE, Where.GROUP, Where.ADMIN})
_DECIDING: Final = frozenset({Where.PRIVATE, Where.ADMIN})
_ALONE: Final = frozenset({Where.PRIVATE})
_OPERATOR: Final = frozenset({Where.ADMIN})

COMMANDS: Final[tuple[Command, ...]] = (
    Command(name="start", zh="从这里开始", en="Where to begin", where=_ALONE),
    Command(
        name="latest",
        arguments=("[几篇]", "[how many]"),
        zh="最近的文章",
        en="The latest posts",
        where=_EVERYWHERE,
    ),
    Command(
        name="series",
        arguments=("[名称]", "[name]"),
        zh="按系列读",
        en="Browse by series",
        where=_EVERYWHERE,
    ),
    Command(name="tag", arguments=("[名称]", "[name]"), zh="按标签找", en="Browse by tag", where=_EVERYWHERE),
    Command(
        name="category",
        arguments=("[名称]", "[name]"),
        zh="按分类找",
        en="Browse by category",
        where=_EVERYWHERE,
    ),
    Command(
        name="search",
        arguments=("词语", "words"),
        zh="查找旧文章",
        en="Search the archive",
        where=_EVERYWHERE,
    ),
    Command(
        name="subscribe",
        arguments=("[种类 名称]", "[kind name]"),
        zh="订阅新文章：全部，或按 series、tag、category、word",
        en="Hear of new posts: all, or by series, tag, category or word",
        where=_DECIDING,
    ),
    Command(
        name="unsubscribe",
        arguments=("[名称]", "[name]"),
        zh="退订",
        en="Stop hearing of something",
        where=_DECIDING,
    ),
    Command(
        name="subscriptions",
        zh="看看和修改现有的订阅",
        en="See and change your subscriptions",
        where=_EVERYWHERE,
    ),
    Command(
        name="settings",
        zh="语言、格式、时间和其他设置",
        en="Language, format, times and the rest",
        where=_DECIDING,
    ),
    Command(name="random", zh="随便读一篇", en="A post at random", where=_EVERYWHERE),
    Command(name="hot", zh="最近读的人最多的", en="What is read most these days", where=_EVERYWHERE),
    Command(
        name="archive",
        arguments=("[年份]", "[year]"),
        zh="按年月翻阅",
        en="Leaf through years and months",
        where=_EVERYWHERE,
    ),
    Command(name="stats", zh="博客的数字", en="The blog in figures", where=_EVERYWHERE),
    Command(name="saved", zh="收藏的文章", en="The posts you have saved", where=_ALONE),
    Command(
        name="read",
        arguments=("[系列]", "[series]"),
        zh="系列读到哪里了",
        en="How far you have read a series",
        where=_ALONE,
    ),
    Command(
        name="course",
        arguments=("[系列]", "[series]"),
        zh="从第一篇起，定时读完一个系列",
        en="Read a series from its first part, at your pace",
        where=_DECIDING,
    ),
    Command(
        name="channel",
        zh="连上你管理的频道或群组",
        en="Connect a channel or group that you run",
        where=_ALONE,
    ),
    Command(name="export", zh="导出你的数据", en="Take your data with you", where=_DECIDING),
    Command(name="forget", zh="删除你的数据", en="Erase your data", where=_DECIDING),
    Command(name="about", zh="来源、作者和许可", en="Source, author and licence", where=_EVERYWHERE),
    Command(name="help", zh="所有命令", en="All commands", where=_EVERYWHERE),
    Command(name="status", zh="运行状况", en="How the bot is doing", where=_OPERATOR, admin=True),
    Command(name="dumps", zh="收到过的抓取", en="The dumps taken in", where=_OPERATOR, admin=True),
    Command(name="retry", zh="重试失败的投递", en="Try failed deliveries again", where=_OPERATOR, admin=True),
    Command(
        name="broadcast",
        arguments=("文字", "text"),
        zh="向所有会话说一句话",
        en="Say something to every chat",
        where=_OPERATOR,
        admin=True,
    ),
    Command(name="release", zh="放行暂存的文章", en="Let held posts go out", where=_OPERATOR, admin=True),
)


def menu(language: str, where: Where, commands: Iterable[Command] = COMMANDS) -> tuple[tuple[str, str], ...]:
    """Names and descriptions for Telegram's menu in `where`; the operators' commands are never in it."""
    return tuple(
        (command.name, command.description(language))
        for command in commands
        if where in command.where and not command.admin
    )


def operator_menu(language: str, commands: Iterable[Command] = COMMANDS) -> tuple[tuple[str, str], ...]:
    """The private menu of an operator of the bot: everybody's commands and then the operators' own."""
    own = tuple((command.name, command.description(language)) for command in commands if command.admin)
    return menu(language, Where.PRIVATE, commands) + own


def markdown_table(language: str = "en", commands: Iterable[Command] = COMMANDS) -> str:
    """The table of commands for the README, both languages' words being in the code."""
    head = ("Command", "What it does") if language == "en" else ("命令", "用途")
    rows = [(f"`{_escaped(command.usage(language))}`", command.description(language)) for command in commands]
    return "\n".join(f"| {left} | {right} |" for left, right in (head, ("---", "---"), *rows)) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
