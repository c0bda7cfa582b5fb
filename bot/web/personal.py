"""Personal part of the Mini App: marks, subscriptions, settings and feed of one person, by `initData`.

The API takes the signed data in the header `X-Init-Data`, the forms of `/me` in a field. Every change is the
action of a chat's button and runs through the same table, so that rows, rules and permissions are the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from bot.callbacks.actions import (
    Action,
    Choose,
    MarkRead,
    MarkUnread,
    Mute,
    Save,
    Setting,
    Subscribe,
    Unmute,
    Unsave,
    Unsubscribe,
)
from bot.callbacks.codec import LARGEST
from bot.chat.actions import ACTIONS, feed_owner, renew_feed
from bot.chat.context import RequestContext, Services, dispatch
from bot.chat.courses import progress_of
from bot.chat.subscribe import other_chat
from bot.chat.user_rate_limit import TokenBucket
from bot.messages.i18n import Words
from bot.messages.scope_pages import scope_label
from bot.messages.settings import chosen_value, current_value, setting_name, setting_values, with_choice
from bot.messages.text_parser import parse_value
from bot.messages.web import mine_texts
from bot.web import pages
from bot.web.feeds import MOST
from bot.web.handlers import RoomHandlers, file_response
from bot.web.init_data import ForgedInitDataError, WebUser, read_init_data
from bot.web.snapshot import SnapshotCache, newest_first
from storage.database import Transaction
from storage.model import ChatKind, Destination, Post, PostId, Preferences, ScopeId, ScopeKind

HEADER = "X-Init-Data"
FIELD = "init_data"
LONGEST = 64  # characters of a typed value
MARKS: Mapping[str, type[MarkRead | MarkUnread | Save | Unsave]] = {
    "read": MarkRead,
    "unread": MarkUnread,
    "saved": Save,
    "unsaved": Unsave,
}
TYPED = (Setting.HOUR, Setting.QUIET, Setting.TIME_ZONE)  # have more values than are offered
PRIVATE_CACHE = {"Cache-Control": "no-store"}


class RefusedError(Exception):
    """A request that is answered with `status` and changes nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a person about their private chat, or about `context.other`, which they administer."""

    context: RequestContext
    given: Mapping[str, Any]

    @property
    def user_id(self) -> int:
        return self.context.chat_id

    @property
    def chat(self) -> Destination | None:
        return self.context.other or self.context.destination

    @property
    def preferences(self) -> Preferences:
        return self.context.preferences if self.context.other is None else self.context.other.preferences

    @property
    def number(self) -> int | None:
        return None if self.context.other is None else self.context.other.id


class PersonalApi:
    """Handlers of `/api/…` and `/me`: 401 without valid data, 403 for another's chat, 400 if malformed."""

    def __init__(
        self, services: Services, token: str | None, public: RoomHandlers, archive: SnapshotCache
    ) -> None:
        self._services = services
        self._token = token
        self._public = public
        self._archive = archive
        self._limits = TokenBucket()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request of the API with the person's state as JSON."""
        try:
            user = self._user(request.headers.get(HEADER, ""))
            visit = await self._visit(user, await _json_object(request))
            action = request.match_info["action"]
            if action == "feed":
                return _json({"feed": await self._renewed_feed(visit)})
            if action != "me":
                visit = await self._done(visit, action)
            return _json(await self._services.database.read(lambda tx: self._state(tx, visit)))
        except RefusedError as refusal:
            return _json({"error": str(refusal)}, status=refusal.status)

    async def page(self, request: web.Request) -> web.Response:
        """Answer a form of the personal page with the page as it is then."""
        visit, feed, refused = None, None, None
        given = await request_form(request)
        action = given.get("do")
        try:
            visit = await self._form_visit(given)
            if action == "feed":
                feed = self._public.base(request) + await self._renewed_feed(visit)
            elif action is not None:
                visit = await self._done(visit, str(action))
        except RefusedError as refusal:
            refused = refusal.status
        values: dict[str, Any] = {"me": None, "chat": "", "refused": refused}
        words = self._public.words(request)
        if visit is not None:
            chosen, words = visit, visit.context.words
            values |= await self._services.database.read(lambda tx: self._values(tx, chosen))
            values |= {"feed_address": feed, "init_data": given[FIELD], "changed": action is not None}
        html = self._public.render(request, words, "me.html", values)
        return web.Response(text=html, status=refused or 200, content_type="text/html", headers=PRIVATE_CACHE)

    async def saved(self, request: web.Request) -> web.Response:
        """Return the saved posts as a file."""
        try:
            visit = await self._form_visit(await request_form(request))
        except RefusedError as refusal:
            return web.Response(status=refusal.status, text=str(refusal), headers=PRIVATE_CACHE)
        posts = await self._services.database.read(lambda tx: _saved(tx, visit.user_id))
        title = mine_texts(visit.context.words)["saved"]
        response = file_response(posts, request.match_info["format"], title, "saved", self._services.site)
        response.headers.update(PRIVATE_CACHE)
        return response

    async def feed(self, request: web.Request) -> web.Response:
        """Return the feed of what a person is subscribed to, by its secret address."""
        found = await self._services.database.read(lambda tx: _feed_posts(tx, request.match_info["secret"]))
        if found is None:
            raise web.HTTPNotFound
        archive = await self._archive.get()
        response = await self._public.feed_response(request, archive, self._services.site.name, "/", found)
        response.headers["Cache-Control"] = "private, max-age=60"
        return response

    async def _form_visit(self, given: Mapping[str, Any]) -> Visit:
        return await self._visit(self._user(str(given.get(FIELD, ""))), given)

    async def _visit(self, user: WebUser, given: Mapping[str, Any]) -> Visit:
        """Return the request of an authorised person. Raises RefusedError."""
        destination = await self._services.database.read(lambda tx: tx.destinations.find(user.id, None))
        context = RequestContext(
            chat_id=user.id,
            thread_id=None,
            kind=ChatKind.PRIVATE,
            user_id=user.id,
            title=user.name,
            client=user.language or "zh",
            destination=destination,
            site=self._services.site,
        )
        return Visit(await self._about(context, given.get("chat")), given)

    def _user(self, init_data: str) -> WebUser:
        """Return the person who signed the data, counted by the rate limit. Raises RefusedError."""
        if self._token is None:
            raise RefusedError(401, "no bot")
        clock = self._services.clock
        try:
            user = read_init_data(init_data, self._token, clock.now())
        except ForgedInitDataError as error:
            raise RefusedError(401, str(error)) from None
        if not self._limits.admits(clock.monotonic(), user.id):
            raise RefusedError(429, "too many requests")
        return user

    async def _about(self, context: RequestContext, chat: object) -> RequestContext:
        """Return the context about another chat, named by its number, if the person may change it."""
        if chat in (None, ""):
            return context
        number = _whole(chat)
        if number is None:
            raise RefusedError(400, "unknown chat")
        other = await other_chat(self._services, context, number)
        if other is None:
            raise RefusedError(403, "administrators only")
        return context if other == context.destination else replace(context, other=other)

    async def _done(self, visit: Visit, name: str) -> Visit:
        """Run a change as the button of a chat does; return the visit as it is then. Raises RefusedError."""
        action = action_of(name, visit.given, visit.preferences, visit.number)
        if action is None or not await self._services.database.read(lambda tx: _exists(tx, action)):
            raise RefusedError(400, "unknown")
        await dispatch(ACTIONS[type(action)], self._services, visit.context, action, action)
        context = visit.context
        own = await self._services.database.read(lambda tx: tx.destinations.find(context.chat_id, None))
        other = context.other and await other_chat(self._services, context, context.other.id)
        return Visit(replace(context, destination=own, other=other), visit.given)

    async def _renewed_feed(self, visit: Visit) -> str:
        secret = await self._services.database.write(lambda tx: renew_feed(tx, visit.user_id))
        return f"/feed/me/{secret}.atom"

    async def _state(self, tx: Transaction, visit: Visit) -> dict[str, Any]:
        wanted = await tx.destinations.subscribed_to(visit.chat.id) if visit.chat is not None else frozenset()
        return {
            "read": sorted(await tx.bookmarks.have_read(visit.user_id)),
            "saved": await tx.bookmarks.saved(visit.user_id),
            "subscribed": sorted(wanted),
            "settings": {one.name.lower(): chosen_value(one, visit.preferences) for one in Setting},
        }

    async def _values(self, tx: Transaction, visit: Visit) -> dict[str, Any]:
        words, chat = visit.context.words, visit.chat
        subscriptions = await tx.destinations.subscriptions(chat.id) if chat is not None else []
        everything = await tx.scopes.everything()
        own = visit.context.other is None
        saved = await _saved(tx, visit.user_id)
        return {
            "me": mine_texts(words),
            "chat": visit.number or "",
            "chat_title": "" if own or chat is None else chat.title or str(chat.chat_id),
            "settings": [_shown(setting, visit.preferences, words) for setting in Setting],
            "subscriptions": [
                {"id": one.scope.id, "name": scope_label(one.scope, words), "muted": one.muted,
                 "page": one.scope.kind in pages.PATHS}
                for one in subscriptions
            ],
            "everything_id": everything.id,
            "subscribed_to_everything": any(one.scope.id == everything.id for one in subscriptions),
            "saved": [pages.row(post, words) for post in saved] if own else None,
            "progress": [
                {"id": one.scope.id, "name": one.scope.name, "read": one.read, "known": one.known,
                 "next": None if one.next is None else one.next.post}
                for one in (await progress_of(tx, visit.user_id) if own else ())
            ],
        }  # fmt: skip


def action_of(
    name: str, given: Mapping[str, Any], present: Preferences, destination: int | None
) -> Action | None:
    """Return the action that a request asks for, about `destination` or the private chat; None for none."""
    post, scope, on = _whole(given.get("post")), _whole(given.get("scope")), given.get("on")
    match name:
        case "mark" if post is not None and (mark := MARKS.get(str(given.get("as")))) is not None:
            return mark(post)
        case "subscribe" if scope is not None and isinstance(on, bool):
            return (Subscribe if on else Unsubscribe)(scope, destination)
        case "mute" if scope is not None and isinstance(on, bool):
            return (Mute if on else Unmute)(scope, destination)
        case "setting":
            setting = next((one for one in Setting if one.name.lower() == given.get("name")), None)
            typed = given.get("value")
            if setting is None or not isinstance(typed, str) or len(typed) > LONGEST:
                return None
            value = typed if with_choice(present, setting, typed) is not None else parse_value(setting, typed)
            return None if value is None else Choose(setting, value, destination)
        case _:
            return None


async def _exists(tx: Transaction, action: Action) -> bool:
    """Return whether the post or scope of an action is stored."""
    match action:
        case MarkRead(post) | MarkUnread(post) | Save(post) | Unsave(post):
            return await tx.posts.get(PostId(post)) is not None
        case Subscribe(scope) | Unsubscribe(scope) | Mute(scope) | Unmute(scope):
            return await tx.scopes.get(ScopeId(scope)) is not None
        case _:
            return True


async def _saved(tx: Transaction, user_id: int) -> list[Post]:
    """Return the saved posts, the last saved first."""
    return await tx.posts.many(await tx.bookmarks.saved(user_id))


async def _feed_posts(tx: Transaction, secret: str) -> Sequence[Post] | None:
    """Return the newest posts that the owner of a feed is subscribed to, without muted ones."""
    owner = await feed_owner(tx, secret)
    if owner is None:
        return None
    chat = await tx.destinations.find(owner, None)
    subscriptions = await tx.destinations.subscriptions(chat.id) if chat is not None else []
    silent = [one.scope.id for one in subscriptions if one.muted]
    muted = {post.id for scope_id in silent for post in await tx.posts.of_scope(scope_id)}
    most = MOST + len(muted)
    found: dict[PostId, Post] = {}
    for scope in (one.scope for one in subscriptions if not one.muted):
        everything = scope.kind is ScopeKind.EVERYTHING
        posts = await (tx.posts.latest(most) if everything else tx.posts.of_scope(scope.id, most))
        found |= {post.id: post for post in posts if post.id not in muted}
    return newest_first(found.values())


def _shown(setting: Setting, chosen: Preferences, words: Words) -> dict[str, Any]:
    """Return a setting for its form; one with more values than are offered is typed."""
    typed = setting in TYPED
    return {
        "name": setting.name.lower(),
        "label": setting_name(setting, words),
        "typed": typed,
        "value": current_value(setting, chosen, words) if typed else chosen_value(setting, chosen),
        "values": setting_values(setting, words),
    }


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError):
        raise RefusedError(400, "not JSON") from None
    if not isinstance(given, dict):
        raise RefusedError(400, "not an object")
    return given


async def request_form(request: web.Request) -> dict[str, Any]:
    """Return the fields of a form; none for another type of body. Raises HTTPRequestEntityTooLarge."""
    try:
        fields = await request.post()
    except (ValueError, LookupError, AssertionError):
        return {}
    return {name: _typed(name, value) for name, value in fields.items() if isinstance(value, str)}


def _typed(name: str, value: str) -> object:
    """Return the value of a field as JSON would carry it."""
    if name in ("post", "scope", "chat") and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    return value == "1" if name == "on" and value in ("0", "1") else value


def _whole(value: object) -> int | None:
    """Return a positive id."""
    return value if type(value) is int and 0 < value <= LARGEST else None


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers=PRIVATE_CACHE)
