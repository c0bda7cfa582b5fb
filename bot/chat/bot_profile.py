"""Telling Telegram the bot's profile at the start: only what changed since the last time.

Knows the methods; what the profile says is profile.py's. What fails is tried again at the next start.
"""

import hashlib
import json
import logging
from typing import assert_never

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    MenuButtonCommands,
    MenuButtonWebApp,
    WebAppInfo,
)
from telegram.error import TelegramError

from bot.messages.bot_profile import Audience, Entry, Label, Labelled, Menu, profile, removed
from bot.messages.i18n import words_for
from bot.site_profile import KEXUE, SiteProfile
from storage.database import Database

log = logging.getLogger(__name__)

Told = dict[str, str]  # what was last told: an entry's key and a hash of what it says


async def tell_profile(
    bot: Bot, database: Database, operators: tuple[int, ...], site: SiteProfile = KEXUE
) -> None:
    """Bring name, descriptions and menus at Telegram up to date."""
    fact = f"profile of {bot.id}"
    told = _read(await database.read(lambda tx: tx.key_values.get(fact)))
    after = dict(told)
    for entry in changes(told, operators, site):
        try:
            await _tell(bot, entry)
        except TelegramError as error:
            log.warning("Telegram was not told of %s: %s", entry.key, error)
            continue
        if isinstance(entry, Menu) and not entry.commands:
            after.pop(entry.key, None)
        else:
            after[entry.key] = digest(entry)
    if after != told:
        value = json.dumps(after, sort_keys=True)
        await database.write(lambda tx: tx.key_values.put(fact, value))


async def publish_web_app(bot: Bot, database: Database, url: str | None) -> None:
    """Set the menu button of private chats to the Mini App at `url`, or to the commands, after a change."""
    fact = f"web app of {bot.id}"
    wanted = url or ""
    if (await database.read(lambda tx: tx.key_values.get(fact)) or "") == wanted:
        return
    words = words_for("zh")
    button = MenuButtonWebApp(words.text("阅览室"), WebAppInfo(wanted)) if wanted else MenuButtonCommands()
    try:
        await bot.set_chat_menu_button(menu_button=button)
    except TelegramError as error:
        log.warning("the menu button was not set: %s", error)
        return
    await database.write(lambda tx: tx.key_values.put(fact, wanted))


def changes(told: Told, operators: tuple[int, ...], site: SiteProfile = KEXUE) -> list[Entry]:
    """What must be told when `told` is what Telegram knows already."""
    wanted = {entry.key: entry for entry in profile(operators, site)}
    gone = [removed(key) for key in told if key not in wanted]
    return [entry for key, entry in wanted.items() if told.get(key) != digest(entry)] + [
        menu for menu in gone if menu is not None
    ]


def digest(entry: Entry) -> str:
    """A short hash of what an entry says; the same in every process."""
    said = entry.text if isinstance(entry, Labelled) else json.dumps(entry.commands, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _read(value: str | None) -> Told:
    try:
        found = json.loads(value) if value else {}
    except ValueError:
        return {}
    return {str(key): str(told) for key, told in found.items()} if isinstance(found, dict) else {}


async def _tell(bot: Bot, entry: Entry) -> None:
    if isinstance(entry, Menu):
        scope = _scope(entry)
        if entry.commands:
            commands = [BotCommand(name, description) for name, description in entry.commands]
            await bot.set_my_commands(commands, scope=scope, language_code=entry.client)
        else:
            await bot.delete_my_commands(scope=scope, language_code=entry.client)
        return
    match entry.label:
        case Label.NAME:
            await bot.set_my_name(entry.text, language_code=entry.client)
        case Label.DESCRIPTION:
            await bot.set_my_description(entry.text, language_code=entry.client)
        case Label.SHORT_DESCRIPTION:
            await bot.set_my_short_description(entry.text, language_code=entry.client)
        case _:
            assert_never(entry.label)


def _scope(menu: Menu) -> BotCommandScope:
    match menu.audience:
        case Audience.ALL:
            return BotCommandScopeDefault()
        case Audience.PRIVATE:
            return BotCommandScopeAllPrivateChats()
        case Audience.GROUPS:
            return BotCommandScopeAllGroupChats()
        case Audience.ADMINISTRATORS:
            return BotCommandScopeAllChatAdministrators()
        case Audience.CHAT:
            return BotCommandScopeChat(menu.chat_id or 0)
        case _:
            assert_never(menu.audience)
