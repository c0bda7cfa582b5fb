"""HTTP server of the reading room: routes, headers, caching, rate limits.

Answers GET and HEAD, and POST for the Mini App. Every response has a strict Content-Security-Policy; pages
and feeds have an ETag and are compressed. No page asks another host for anything; inside Telegram the
client's own script (telegram.org) is allowed.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.chat.user_rate_limit import TokenBucket
from bot.clock import Clock
from bot.messages.i18n import LANGUAGES, Words, words_for
from bot.messages.links import post_url
from bot.messages.web import web_texts
from bot.ops.http import Port
from bot.search.ranker import SearchService
from bot.site_profile import KEXUE, SiteProfile
from bot.web import downloads, feeds, pages
from bot.web.personal import PersonalApi
from bot.web.snapshot import Snapshot, SnapshotCache
from storage.database import Database
from storage.model import Post, PostId, ScopeId, ScopeKind

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
MAX_QUERY = 200  # characters
SEARCHED = 30
ASSETS = {"room.css": "text/css", "room.js": "text/javascript", "icon.svg": "image/svg+xml"}
KATEX = {"katex.css": "text/css", "katex.min.js": "text/javascript"}
PATH_KINDS = {path: kind for kind, path in pages.PATHS.items()}


@dataclass(slots=True)
class Room:
    """What the handlers share. `url` is the public address without a trailing slash, or empty."""

    database: Database
    clock: Clock
    search: SearchService
    token: str | None  # None: no Mini App, personal requests are refused
    url: str = ""
    bot: str | None = None
    profile: SiteProfile = KEXUE
    limits: TokenBucket = field(default_factory=lambda: TokenBucket(burst=BURST, per_second=PER_SECOND))
    archive: SnapshotCache = field(init=False)
    personal: PersonalApi = field(init=False)

    def __post_init__(self) -> None:
        self.archive = SnapshotCache(self.database)
        self.personal = PersonalApi(self.database, self.clock, self.token)


def make_room(room: Room) -> web.Application:
    """Return the application with all routes."""
    handlers = _Handlers(room)
    application = web.Application(client_max_size=MAX_BODY, middlewares=[_guard(room)])
    application.add_routes(
        [
            web.get("/", handlers.latest),
            web.get("/{path:series|tag|category}", handlers.index),
            web.get("/{path:series|tag|category}/{id:[0-9]{1,9}}", handlers.scope),
            web.get("/archive", handlers.years),
            web.get("/archive/{year:[0-9]{4}}-{month:[0-9]{2}}", handlers.month),
            web.get("/map", handlers.map),
            web.get("/search", handlers.search),
            web.get("/search.json", handlers.search_json),
            web.get("/post/{id:[0-9]{1,9}}", handlers.post),
            web.get("/post/{id:[0-9]{1,9}}.bib", handlers.post_bibtex),
            web.get("/feed.{format:atom|rss|json}", handlers.feed),
            web.get("/feed/{path:series|tag|category}/{id:[0-9]{1,9}}.{format:atom|rss|json}", handlers.feed),
            web.get("/feed/search.{format:atom|rss|json}", handlers.search_feed),
            web.get("/feed/me/{secret:[A-Za-z0-9_-]{43}}.{format:atom|rss|json}", handlers.personal_feed),
            web.get("/series.opml", handlers.opml),
            web.get(
                "/files/{path:series|tag|category}/{id:[0-9]{1,9}}.{format:bib|md|csv|json}",
                handlers.download,
            ),
            web.get("/files/search.{format:bib|md|csv|json}", handlers.search_download),
            web.get("/static/{name}", _asset),
            web.post("/api/{action:me|mark|subscribe|setting|feed}", room.personal.handle),
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
    async with Port("WEB", counted).serve(make_room(room), host=host, port=port) as bound:
        yield bound


def _guard(room: Room) -> Middleware:
    """Return the middleware for limits, headers, errors, ETag and compression."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        words = _words(request)
        if not room.limits.admits(room.clock.monotonic(), _client(request)):
            response: web.StreamResponse = web.Response(
                status=429, text=web_texts(words)["too_many"], headers={"Retry-After": "10"}
            )
        else:
            try:
                response = await handler(request)
            except web.HTTPNotFound:
                response = _page(room, request, words, "not_found.html", {}, status=404)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=error.reason, headers=_allowed(error))
            except Exception:
                log.exception("a page failed: %s", request.path)
                response = web.Response(status=500, text="internal error")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if (
            isinstance(response, web.Response)
            and response.status == 200
            and request.method in ("GET", "HEAD")
        ):
            response = _conditional(request, response)
        return response

    return guard


def _allowed(error: web.HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}


def _conditional(request: web.Request, response: web.Response) -> web.Response:
    """Add the ETag, answer 304 to the client that has it, and compress the rest."""
    body = response.body if isinstance(response.body, bytes) else b""
    tag = hashlib.sha256(body).hexdigest()[:32]
    response.headers.setdefault("Cache-Control", PAGE_CACHE)
    response.headers["Vary"] = "Accept-Language, Accept-Encoding"
    response.headers["ETag"] = f'"{tag}"'
    given = request.headers.get("If-None-Match", "")
    if any(each.strip().removeprefix("W/").strip('"') in (tag, "*") for each in given.split(",")):
        kept = {name: response.headers[name] for name in ("ETag", "Cache-Control", "Vary", *HEADERS)}
        return web.Response(status=304, headers=kept)
    response.enable_compression()
    return response


def _client(request: web.Request) -> int:
    """Return a number for the address of the client; a proxy on this machine names it in a header."""
    peer = request.remote or "0.0.0.0"  # noqa: S104 - not bound
    try:
        if ip_address(peer).is_loopback:
            peer = request.headers.get("X-Forwarded-For", peer).rpartition(",")[2].strip()
        return hash(ip_address(peer))
    except ValueError:
        return 0


def _words(request: web.Request) -> Words:
    """Return the language of `?lang=` or of Accept-Language: Chinese unless the client prefers English."""
    asked = request.query.get("lang", "")
    if asked in LANGUAGES:
        return words_for(asked)
    accepted = [
        part.partition(";")[0].strip() for part in request.headers.get("Accept-Language", "zh").split(",")
    ]
    first = next((code for code in accepted if code[:2].lower() in ("zh", "en")), "zh")
    return words_for(first)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def _asset_body(name: str) -> bytes:
    folder = files("bot.preview") / "katex" if name in KATEX else files("bot.web") / "static"
    return (folder / name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file, with a version that changes with its content."""
    return f"/static/{name}?v={hashlib.sha256(_asset_body(name)).hexdigest()[:12]}"


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    kind = {**ASSETS, **KATEX}.get(name)
    if kind is None:
        raise web.HTTPNotFound
    headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": ASSET_CACHE}
    return web.Response(body=_asset_body(name), headers=headers)


def _page(
    room: Room, request: web.Request, words: Words, template: str, values: pages.Values, status: int = 200
) -> web.Response:
    profile = room.profile
    lang = request.query.get("lang", "")
    suffix = f"?lang={lang}" if lang in LANGUAGES else ""
    html = (
        _environment()
        .get_template(template)
        .render(
            t=web_texts(words),
            language=words.language,
            suffix=suffix,
            site=profile.title_in(words.language),
            author=profile.author_in(words.language),
            licence=profile.licence,
            blog=profile.home,
            bot=room.bot,
            asset=asset_url,
            path_now=request.path,
            **{"query": "", "feed": None, **values},
        )
    )
    return web.Response(text=html, status=status, content_type="text/html")


def _number(request: web.Request) -> int:
    text = request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


class _Handlers:
    """One method for each route."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def _show(self, request: web.Request, template: str, values: pages.Values | None) -> web.Response:
        if values is None:
            raise web.HTTPNotFound
        return _page(self._room, request, _words(request), template, values)

    async def latest(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        values = pages.latest(archive, _words(request), _number(request))
        return await self._show(request, "list.html", {**values, "feed": "/feed"})

    async def index(self, request: web.Request) -> web.Response:
        kind = PATH_KINDS[request.match_info["path"]]
        archive = await self._room.archive.get()
        return await self._show(request, "index.html", pages.index(archive, _words(request), kind))

    async def scope(self, request: web.Request) -> web.Response:
        kind, number = PATH_KINDS[request.match_info["path"]], int(request.match_info["id"])
        archive = await self._room.archive.get()
        values = pages.scope(archive, _words(request), kind, number, _number(request))
        if values is not None:
            values["feed"] = f"/feed/{pages.PATHS[kind]}/{number}"
            values["files"] = f"/files/{pages.PATHS[kind]}/{number}"
        return await self._show(request, "list.html", values)

    async def years(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        return await self._show(request, "years.html", pages.years(archive, _words(request)))

    async def month(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        year, number = int(request.match_info["year"]), int(request.match_info["month"])
        values = pages.month(archive, _words(request), year, number) if 1 <= number <= 12 else None
        return await self._show(request, "list.html", values)

    async def map(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        return await self._show(request, "map.html", pages.chart_of_series(archive, _words(request)))

    async def post(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        post = archive.by_id.get(PostId(int(request.match_info["id"])))
        if post is None:
            raise web.HTTPNotFound
        mentions, counts = await self._room.database.read(lambda tx: _details(tx, post.id))
        return await self._show(
            request, "post.html", pages.card(archive, _words(request), post, mentions, counts)
        )

    async def post_bibtex(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        post = archive.by_id.get(PostId(int(request.match_info["id"])))
        if post is None:
            raise web.HTTPNotFound
        return _file(downloads.write_list([post], "bib", "", post_url), "bib", f"post-{post.id}.bib")

    async def _search(self, request: web.Request) -> tuple[str, Snapshot, list[PostId]]:
        query = request.query.get("q", "").strip()[:MAX_QUERY].replace("\x00", "")
        archive = await self._room.archive.get()
        if not query:
            return query, archive, []
        hits = await self._room.database.read(lambda tx: self._room.search.search(tx, query, SEARCHED))
        return query, archive, [hit.post_id for hit in hits[:SEARCHED]]

    async def search(self, request: web.Request) -> web.Response:
        query, archive, ids = await self._search(request)
        rows = pages.found(archive, _words(request), ids)
        return await self._show(request, "search.html", {"query": query, "rows": rows})

    async def search_json(self, request: web.Request) -> web.Response:
        _, archive, ids = await self._search(request)
        rows = pages.found(archive, _words(request), ids)
        return web.json_response(
            [{"id": row.id, "title": row.title, "day": row.day, "readers": row.readers} for row in rows]
        )

    async def feed(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        path = request.match_info.get("path")
        title, home = self._room.profile.name, "/"
        posts: Sequence[Post] = archive.posts
        if path is not None:
            counted = archive.scope(int(request.match_info["id"]), PATH_KINDS[path])
            if counted is None:
                raise web.HTTPNotFound
            posts = sorted(archive.posts_of(counted.scope), key=feeds.published, reverse=True)
            title, home = f"{counted.scope.name} · {title}", f"/{path}/{counted.scope.id}"
        return self._feed(request, title, home, posts)

    async def search_feed(self, request: web.Request) -> web.Response:
        query, archive, ids = await self._search(request)
        if not query:
            raise web.HTTPNotFound
        posts = sorted((archive.by_id[each] for each in ids if each in archive.by_id), key=feeds.published)[
            ::-1
        ]
        return self._feed(request, f"{query} · {self._room.profile.name}", f"/search?q={quote(query)}", posts)

    async def personal_feed(self, request: web.Request) -> web.Response:
        wanted = await self._room.personal.scopes_of_feed(request.match_info["secret"])
        if wanted is None:
            raise web.HTTPNotFound
        archive = await self._room.archive.get()
        everything, scopes = wanted
        posts = [
            post
            for post in archive.posts
            if everything or any(post.id in archive.members.get(ScopeId(each), ()) for each in scopes)
        ]
        return self._feed(request, self._room.profile.name, "/", posts)

    def _feed(self, request: web.Request, title: str, home: str, posts: Sequence[Post]) -> web.Response:
        kind, base = request.match_info["format"], self._base(request)
        profile = self._room.profile
        feed = feeds.Feed(
            title=title,
            home=base + home,
            address=base + request.path_qs,
            author=profile.author,
            licence=profile.licence,
            posts=[(post, post_url(post)) for post in posts[: feeds.MOST]],
            identity=profile.host,
        )
        response = web.Response(body=feeds.write_feed(feed, kind))
        response.headers["Content-Type"] = feeds.CONTENT_TYPES[kind]
        response.headers["Link"] = f'<{feed.home}>; rel="alternate"; type="text/html"'
        return response

    async def opml(self, request: web.Request) -> web.Response:
        archive, base = await self._room.archive.get(), self._base(request)
        outlines = [
            (each.scope.name, f"{base}/feed/series/{each.scope.id}.atom", f"{base}/series/{each.scope.id}")
            for each in archive.scopes.get(ScopeKind.SERIES, ())
        ]
        response = web.Response(body=feeds.write_opml(self._room.profile.name, outlines))
        response.headers["Content-Type"] = feeds.CONTENT_TYPES["opml"]
        return response

    async def download(self, request: web.Request) -> web.Response:
        archive = await self._room.archive.get()
        path, kind = request.match_info["path"], request.match_info["format"]
        counted = archive.scope(int(request.match_info["id"]), PATH_KINDS[path])
        if counted is None:
            raise web.HTTPNotFound
        body = downloads.write_list(archive.posts_of(counted.scope), kind, counted.scope.name, post_url)
        return _file(body, kind, f"{path}-{counted.scope.id}.{kind}")

    async def search_download(self, request: web.Request) -> web.Response:
        query, archive, ids = await self._search(request)
        kind = request.match_info["format"]
        posts = [archive.by_id[each] for each in ids if each in archive.by_id]
        return _file(downloads.write_list(posts, kind, query, post_url), kind, f"search.{kind}")

    def _base(self, request: web.Request) -> str:
        """Return the public address: WEB_URL, or that of the request where it is not set."""
        return self._room.url or f"{request.scheme}://{request.host}"


async def _details(tx: Any, post_id: PostId) -> tuple[Any, Any]:
    return await tx.posts.mentions_in(post_id), await tx.posts.reader_history(post_id)


def _file(body: bytes, kind: str, name: str) -> web.Response:
    response = web.Response(body=body)
    response.headers["Content-Type"] = downloads.CONTENT_TYPES[kind]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
