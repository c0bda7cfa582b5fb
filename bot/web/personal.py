"""API of the Mini App: a person's marks, subscriptions, settings and feed, authorised by `initData`.

Every request carries the signed data in the header `X-Init-Data`. The rows are those of the private chat.
"""

import hashlib
import json
import secrets
from typing import Any

from aiohttp import web

from bot.callbacks.actions import Setting
from bot.chat.user_rate_limit import TokenBucket
from bot.clock import Clock
from bot.messages.i18n import language_of
from bot.messages.settings import with_choice
from bot.web.init_data import ForgedInitDataError, WebUser, read_init_data
from storage.database import Database, Transaction
from storage.model import ChatKind, Destination, DestinationId, PostId, Preferences, ScopeId, ScopeKind

HEADER = "X-Init-Data"
FEED_KEY = "web_feed:"  # prefix of the key-value rows that map a feed's digest to its destination
OWNER_KEY = "web_feed_of:"  # and a destination to the digest of its feed
MAX_NUMBER = 2**53


class PersonalApi:
    """Handlers of `/api/…`. Answers 401 to forged or old data, 400 to a malformed request."""

    def __init__(self, database: Database, clock: Clock, token: str | None) -> None:
        self._database = database
        self._clock = clock
        self._token = token
        self._limits = TokenBucket()

    async def handle(self, request: web.Request) -> web.Response:
        """Authorise the request, then run its action in one transaction."""
        if self._token is None:
            return _json({"error": "no bot"}, status=401)
        try:
            user = read_init_data(request.headers.get(HEADER, ""), self._token, self._clock.now())
        except ForgedInitDataError as error:
            return _json({"error": str(error)}, status=401)
        if not self._limits.admits(self._clock.monotonic(), user.id):
            return _json({"error": "too many requests"}, status=429)
        try:
            given = json.loads(await request.text())
        except (ValueError, LookupError, RecursionError):
            return _json({"error": "not JSON"}, status=400)
        if not isinstance(given, dict):
            return _json({"error": "not an object"}, status=400)
        action = request.match_info["action"]
        answer = await self._database.write(lambda tx: self._act(tx, action, user, given))
        return _json({"error": "unknown"}, status=400) if answer is None else _json(answer)

    async def _act(
        self, tx: Transaction, action: str, user: WebUser, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        match action:
            case "me":
                return await self._state(tx, user)
            case "mark":
                return await self._mark(tx, user, given)
            case "subscribe":
                return await self._subscribe(tx, user, given)
            case "setting":
                return await self._set(tx, user, given)
            case _:
                return await self._renew_feed(tx, user)

    async def _state(self, tx: Transaction, user: WebUser) -> dict[str, Any]:
        chat = await tx.destinations.find(user.id, None)
        wanted = await tx.destinations.subscribed_to(chat.id) if chat is not None else frozenset()
        return {
            "read": sorted(await tx.bookmarks.have_read(user.id)),
            "saved": await tx.bookmarks.saved(user.id),
            "subscribed": sorted(wanted),
            "settings": _shown(chat.preferences if chat is not None else _preferences(user)),
        }

    async def _mark(self, tx: Transaction, user: WebUser, given: dict[str, Any]) -> dict[str, Any] | None:
        number = _whole(given.get("post"))
        post = await tx.posts.get(PostId(number)) if number is not None else None
        if post is None:
            return None
        now = self._clock.now()
        match given.get("as"):
            case "read":
                await tx.bookmarks.read(user.id, post.id, now)
            case "unread":
                await tx.bookmarks.unread(user.id, post.id)
            case "saved":
                await tx.bookmarks.save(user.id, post.id, now)
            case "unsaved":
                await tx.bookmarks.unsave(user.id, post.id)
            case _:
                return None
        return await self._state(tx, user)

    async def _subscribe(
        self, tx: Transaction, user: WebUser, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        number = _whole(given.get("scope"))
        scope = await tx.scopes.get(ScopeId(number)) if number is not None else None
        if scope is None or not isinstance(given.get("on"), bool):
            return None
        chat = await self._chat(tx, user)
        if given["on"]:
            await tx.destinations.subscribe(chat.id, scope.id, self._clock.now())
        else:
            await tx.destinations.unsubscribe(chat.id, scope.id)
            await tx.outbox.cancel_unwanted(chat.id, self._clock.now())
        return await self._state(tx, user)

    async def _set(self, tx: Transaction, user: WebUser, given: dict[str, Any]) -> dict[str, Any] | None:
        names = {setting.name.lower(): setting for setting in Setting}
        setting, value = names.get(str(given.get("name"))), given.get("value")
        if setting is None or not isinstance(value, str):
            return None
        chat = await self._chat(tx, user)
        chosen = with_choice(chat.preferences, setting, value)
        if chosen is None:
            return None
        await tx.destinations.prefer(chat.id, chosen)
        return await self._state(tx, user)

    async def _renew_feed(self, tx: Transaction, user: WebUser) -> dict[str, Any]:
        """Make a new secret address; the former one ends. Only its digest is stored."""
        chat = await self._chat(tx, user)
        secret = secrets.token_urlsafe(32)
        former = await tx.key_values.get(f"{OWNER_KEY}{chat.id}")
        if former:
            await tx.key_values.put(FEED_KEY + former, "")
        await tx.key_values.put(FEED_KEY + _digest(secret), str(chat.id))
        await tx.key_values.put(f"{OWNER_KEY}{chat.id}", _digest(secret))
        return {"feed": f"/feed/me/{secret}.atom"}

    async def scopes_of_feed(self, secret: str) -> tuple[bool, frozenset[ScopeId]] | None:
        """Return whether the feed's owner wants everything, and which scopes; None for an unknown secret."""

        async def wanted(tx: Transaction) -> tuple[bool, frozenset[ScopeId]] | None:
            owner = await tx.key_values.get(FEED_KEY + _digest(secret))
            if not owner:
                return None
            scopes = await tx.destinations.subscribed_to(DestinationId(int(owner)))
            found = await tx.scopes.many(scopes)
            everything = any(scope.kind is ScopeKind.EVERYTHING for scope in found.values())
            return everything, scopes

        return await self._database.read(wanted)

    async def _chat(self, tx: Transaction, user: WebUser) -> Destination:
        """Return the person's private chat, created with the language of their client."""
        return await tx.destinations.ensure(
            user.id, None, ChatKind.PRIVATE, "", self._clock.now(), _preferences(user)
        )


def _preferences(user: WebUser) -> Preferences:
    return Preferences(language=language_of(user.language))


def _shown(preferences: Preferences) -> dict[str, Any]:
    return {
        "language": preferences.language,
        "when": preferences.when.value,
        "hour": preferences.hour,
        "weekday": preferences.weekday,
        "time_zone": preferences.time_zone,
        "silent": preferences.silent,
    }


def _whole(value: object) -> int | None:
    return (
        value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_NUMBER else None
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers={"Cache-Control": "no-store"})
