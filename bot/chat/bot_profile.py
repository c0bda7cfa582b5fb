"""Synchronisation of the bot's profile with Telegram at the start: only entries that changed.

A failed call is retried at the next start.
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

from bot.messages.commands import Audience, Entry, Label, Labelled, Menu, profile, removed
from bot.messages.i18n import words_for
from bot.site_profile import KEXUE, SiteProfile
from storage.database import Database

log = logging.getLogger(__name__)

Sent = dict[str, str]  # the entries sent last: key and hash


async def tell_profile(
    bot: Bot, database: Database, operators: tuple[int, ...], site: SiteProfile = KEXUE
) -> None:
    """Update name, descriptions and menus at Telegram."""
    fact = f"profile of {bot.id}"
    sent = _read(await database.read(lambda tx: tx.key_values.get(fact)))
    after = dict(sent)
    for entry in changes(sent, operators, site):
        try:
            await _send(bot, entry)
        except TelegramError as error:
            log.warning("the profile entry was not sent: %s: %s", entry.key, error)
            continue
        if isinstance(entry, Menu) and not entry.commands:
            after.pop(entry.key, None)
        else:
            after[entry.key] = digest(entry)
    if after != sent:
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


def changes(sent: Sent, operators: tuple[int, ...], site: SiteProfile = KEXUE) -> list[Entry]:
    """Return the entries that differ from those sent last."""
    wanted = {entry.key: entry for entry in profile(operators, site)}
    gone = [removed(key) for key in sent if key not in wanted]
    return [entry for key, entry in wanted.items() if sent.get(key) != digest(entry)] + [
        menu for menu in gone if menu is not None
    ]


def digest(entry: Entry) -> str:
    """Return a short hash of an entry, the same in every process."""
    said = entry.text if isinstance(entry, Labelled) else json.dumps(entry.commands, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _read(value: str | None) -> Sent:
    try:
        found = json.loads(value) if value else {}
    except ValueError:
        return {}
    return {str(key): str(sent) for key, sent in found.items()} if isinstance(found, dict) else {}


async def _send(bot: Bot, entry: Entry) -> None:
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
