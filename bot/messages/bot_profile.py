"""Profile shown by Telegram before the first message: name, descriptions, command menus."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.messages.commands import Where, menu, operator_menu
from bot.messages.i18n import Words, words_for
from bot.site_profile import KEXUE, SiteProfile

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
