"""HTTP server of the reading room: routes, headers, conditional requests, page cache, rate limits.

Answers GET and HEAD, and POST for the Mini App. Every response has a strict Content-Security-Policy. Public
responses have ETag and Last-Modified and are compressed once for each state of the archive. No page asks
another host for anything; inside Telegram the client's own script (telegram.org) is allowed.
"""

import asyncio
import gzip
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from ipaddress import IPv6Address, ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from cachetools import LRUCache

from bot.chat.context import Services
from bot.chat.user_rate_limit import TokenBucket
from bot.messages.web import web_texts
from bot.ops.http import Port
from bot.supervisor import BackgroundTasks
from bot.web.handlers import (
    ASSETS,
    PublicHandler,
    RoomHandlers,
    asset_body,
    language_of_request,
    load_templates,
)
from bot.web.personal import PersonalApi
from bot.web.snapshot import SnapshotCache

log = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self' https://telegram.org; style-src 'self'; "
    "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors https://web.telegram.org 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PAGE_CACHE = "public, max-age=60"
ASSET_CACHE = "public, max-age=31536000, immutable"
BURST, PER_SECOND = 120.0, 10.0  # requests of one address at once and after that
MAX_BODY = 16 * 1024
LOAD_SECONDS = 30.0  # for loading that a stop waits for, since threads cannot be cancelled
CACHED = 8_000_000  # bytes of responses
CACHED_EACH = 4_000  # bytes that an entry needs besides its body
LONGEST_CACHED = 2_000  # characters of an address; the longest search has less
LEAST_COMPRESSED = 500  # bytes
EPOCH = datetime.fromtimestamp(0, UTC)
SETTLED = timedelta(seconds=2)  # an archive changed later than that has no Last-Modified: HTTP counts seconds
IPV6_PREFIX = 64  # bits of an address that one subscriber of a provider has


@dataclass(slots=True)
class Room:
    """What the handlers share. `url` is the public address without a trailing slash, or empty."""

    services: Services
    token: str | None  # None: no Mini App, personal requests are refused
    url: str = ""
    limits: TokenBucket = field(default_factory=lambda: TokenBucket(burst=BURST, per_second=PER_SECOND))
    archive: SnapshotCache = field(init=False)

    def __post_init__(self) -> None:
        self.archive = SnapshotCache(self.services.database)


@dataclass(frozen=True, slots=True)
class Cached:
    """A public response: body, the same in gzip, hash, headers."""

    body: bytes
    packed: bytes | None
    tag: str
    headers: dict[str, str]

    def __len__(self) -> int:
        return CACHED_EACH + len(self.body) + len(self.packed or b"")


def make_room(room: Room) -> web.Application:
    """Return the application with all routes."""
    pages = RoomHandlers(room.services, room.url)
    public = _public_of(room, pages)
    personal = PersonalApi(room.services, room.token, pages, room.archive)
    scopes, feeds, files = "{path:series|tag|category}", "{format:atom|rss|json}", "{format:bib|md|csv|json}"
    number = "{id:[0-9]{1,9}}"
    application = web.Application(client_max_size=MAX_BODY, middlewares=[_guard(room, pages)])
    application.add_routes(
        [
            web.get("/", public(pages.latest)),
            web.get(f"/{scopes}", public(pages.index)),
            web.get(f"/{scopes}/{number}", public(pages.scope)),
            web.get(f"/scope/{number}", public(pages.any_scope)),
            web.get("/archive", public(pages.years)),
            web.get("/archive/{year:[0-9]{4}}-{month:[0-9]{2}}", public(pages.month)),
            web.get("/map", public(pages.map)),
            web.get("/search", public(pages.search)),
            web.get(f"/post/{number}", public(pages.post)),
            web.get(f"/post/{number}.bib", public(pages.post_bibtex)),
            web.get(f"/feed.{feeds}", public(pages.feed)),
            web.get(f"/feed/{scopes}/{number}.{feeds}", public(pages.feed)),
            web.get(f"/feed/search.{feeds}", public(pages.search_feed)),
            web.get("/feed/me/{secret:[A-Za-z0-9_-]{43}}." + feeds, _checked(personal.feed)),
            web.get("/series.opml", public(pages.opml)),
            web.get(f"/files/{scopes}/{number}.{files}", public(pages.download)),
            web.get(f"/files/search.{files}", public(pages.search_download)),
            web.get("/static/{name}", _static),
            web.get("/me", public(pages.invitation)),
            web.post("/me", personal.page),
            web.post(f"/me/saved.{files}", personal.saved),
            web.post("/api/{action:me|mark|subscribe|mute|setting|feed}", personal.handle),
        ]
    )
    return application


@asynccontextmanager
async def serve_room(
    room: Room,
    *,
    host: str,
    port: int,
    counted: Callable[[str, str], None] = lambda _port, _fault: None,
) -> AsyncIterator[int]:
    """Serve while the block runs and yield the port; port 0 takes a free one. Raises PortUnusableError.

    `counted` is that of Port.
    """
    loading = BackgroundTasks()
    async with Port("WEB", counted).serve(make_room(room), host=host, port=port) as bound:
        loading.start(_preload(room))
        try:
            yield bound
        finally:
            await loading.wait(LOAD_SECONDS)


async def _preload(room: Room) -> None:
    """Load what the first pages would wait for: archive, index of the search, templates, files."""
    await room.archive.get()
    await room.services.database.read(room.services.search_service.index)
    await asyncio.to_thread(load_templates)
    for name in ASSETS:
        await asyncio.to_thread(_asset, name)


def _guard(room: Room, pages: RoomHandlers) -> Middleware:
    """Return the middleware for limits, headers and errors."""
    clock = room.services.clock

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if room.limits.admits(clock.monotonic(), client_key(request)):
            try:
                response = await handler(request)
            except web.HTTPNotFound:
                response = pages.not_found(request)
            except web.HTTPException as error:
                kept = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
                response = web.Response(status=error.status, text=error.reason, headers=kept)
            except Exception:
                log.exception("a page failed: %r", request.path)
                response = web.Response(status=500, text="internal error")
        else:
            text = web_texts(pages.words(request))["too_many"]
            response = web.Response(status=429, text=text, headers={"Retry-After": "10"})
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return guard


def _public_of(room: Room, pages: RoomHandlers) -> Callable[[PublicHandler], Handler]:
    """Return the decorator of public handlers: one snapshot and one cache of responses for all."""
    cache: LRUCache[tuple[object, ...], Cached] = LRUCache(CACHED, getsizeof=Cached.__len__)
    clock, site = room.services.clock, room.services.site

    def public(handler: PublicHandler) -> Handler:
        async def conditional(request: web.Request) -> web.StreamResponse:
            archive = await room.archive.get()
            key = (archive.revision, language_of_request(request, site), pages.base(request), request.path_qs)
            found = cache.get(key)
            if found is None:
                response = await handler(request, archive)
                found = _cached(response, archive.revision[1], clock.now())
                if len(request.path_qs) <= LONGEST_CACHED:
                    with suppress(ValueError):  # larger than the cache
                        cache[key] = found
            return _conditional(request, found)

        return conditional

    return public


def _checked(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    """Return `handler` with an ETag and compression; its responses are not kept."""

    async def conditional(request: web.Request) -> web.StreamResponse:
        return _conditional(request, _cached(await handler(request)))

    return conditional


async def _static(request: web.Request) -> web.StreamResponse:
    """Return a static file; its address changes with its content, so that it is kept for a year."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    return _conditional(request, await asyncio.to_thread(_asset, name))


@cache
def _asset(name: str) -> Cached:
    headers = {"Content-Type": f"{ASSETS[name]}; charset=utf-8", "Cache-Control": ASSET_CACHE}
    return _cached(web.Response(body=asset_body(name), headers=headers))


def _cached(response: web.Response, changed: datetime | None = None, now: datetime = EPOCH) -> Cached:
    """Return a response with its headers; `changed`: when the archive was, for Last-Modified."""
    body = response.body if isinstance(response.body, bytes) else b""
    headers = {**response.headers, "Vary": "Accept-Language, Accept-Encoding"}
    headers.setdefault("Cache-Control", PAGE_CACHE)
    if changed is not None and now - changed > SETTLED:
        headers["Last-Modified"] = format_datetime(changed.replace(microsecond=0), usegmt=True)
    packed = gzip.compress(body, 6, mtime=0) if len(body) > LEAST_COMPRESSED else None
    return Cached(body, packed, hashlib.sha256(body).hexdigest()[:32], headers)


def _conditional(request: web.Request, found: Cached) -> web.Response:
    """Return the response, compressed if the client can read that; 304 to a client that has it."""
    packed = found.packed if _accepts_gzip(request.headers.get("Accept-Encoding", "")) else None
    headers = {**found.headers, "ETag": f'"{found.tag}"' if packed is None else f'"{found.tag}-gzip"'}
    if _has(request, found):
        kept = ("ETag", "Last-Modified", "Cache-Control", "Vary", "Link")
        return web.Response(status=304, headers={name: headers[name] for name in kept if name in headers})
    if packed is None:
        return web.Response(body=found.body, headers=headers)
    return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"})


def _has(request: web.Request, found: Cached) -> bool:
    """Return whether the client has this version (RFC 9110, 13.2.2: ETags before dates)."""
    tags = request.if_none_match
    if tags is not None:
        return any(each.value.removesuffix("-gzip") in ("*", found.tag) for each in tags)
    since, changed = request.headers.get("If-Modified-Since"), found.headers.get("Last-Modified")
    if since is None or changed is None:
        return False
    try:
        at = parsedate_to_datetime(since)
        return parsedate_to_datetime(changed) <= (at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return False


def _accepts_gzip(accepted: str) -> bool:
    codings = dict(part.strip().lower().partition(";")[::2] for part in accepted.split(","))
    weight = codings.get("gzip", codings.get("*", "q=0"))
    return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)


def client_key(request: web.Request) -> int:
    """Return a number for the client's address, of IPv6 for its network.

    A proxy on this machine or in a private network names the client as the last one of X-Forwarded-For.
    """
    peer = request.remote or "0.0.0.0"  # noqa: S104 - not bound
    try:
        if ip_address(peer).is_private:
            peer = request.headers.get("X-Forwarded-For", peer).rpartition(",")[2].strip()
        address = ip_address(peer)
    except ValueError:
        return 0
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return int(address.ipv4_mapped)
        return -(int(address) >> (128 - IPV6_PREFIX))
    return int(address)
