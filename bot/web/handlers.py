"""Handlers of the public pages, feeds and files; no answer depends on a person."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.chat.context import Services
from bot.messages.i18n import LANGUAGES, Words, language_of, words_for
from bot.messages.links import app_start_path
from bot.messages.post_files import CONTENT_TYPES, write_list
from bot.messages.settings import LANGUAGE_NAMES
from bot.messages.web import web_texts
from bot.search.ranker import Hit
from bot.site_profile import SiteProfile
from bot.web import feeds, pages
from bot.web.snapshot import Snapshot, newest_first
from storage.database import Transaction
from storage.model import Post, PostId, Scope, ScopeKind

PublicHandler = Callable[[web.Request, Snapshot], Awaitable[web.Response]]

MAX_QUERY = 200  # characters
SEARCHED = 30
ASSETS = {"room.css": "text/css", "room.js": "text/javascript", "icon.svg": "image/svg+xml",
          "katex.css": "text/css", "katex.min.js": "text/javascript"}  # fmt: skip
PATH_KINDS = {path: kind for kind, path in pages.PATHS.items()}
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
HTML_LANGUAGES = {"zh": "zh-Hans", "zh-hant": "zh-Hant"}


class RoomHandlers:
    """One method for each route; a method gets the snapshot of the archive."""

    def __init__(self, services: Services, url: str) -> None:
        self._services = services
        self._url = url

    def base(self, request: web.Request) -> str:
        """Return the public address: WEB_URL, or the one that the client used where it is not set."""
        host = request.host if HOST.fullmatch(request.host) else "localhost"
        return self._url or f"{request.scheme}://{host}"

    def words(self, request: web.Request) -> Words:
        """Return the texts in the language of the request."""
        site = self._services.site
        return words_for(language_of_request(request, site), site)

    def render(self, request: web.Request, words: Words, template: str, values: Mapping[str, object]) -> str:
        """Return a page as HTML."""
        site = words.site
        chosen = request.query.get("lang", "")
        common = {
            "t": web_texts(words),
            "language": HTML_LANGUAGES.get(words.language, words.language),
            "blog_language": site.languages[0] if site.languages else "zh",
            "languages": _other_languages(request),
            "suffix": _suffix(request),
            "lang": chosen if chosen in LANGUAGES else "",
            "site": words.blog,
            "author": words.author,
            "licence": site.licence,
            "blog": site.home,
            "bot": self._services.bot,
            "asset": asset_url,
            "path_now": request.path,
            "query": "",
            "feed": None,
            "feed_query": "",
        }
        return _environment().get_template(template).render({**common, **values})

    def not_found(self, request: web.Request) -> web.Response:
        """Return the page for an address that leads nowhere."""
        return _html(self.render(request, self.words(request), "not_found.html", {}), status=404)

    def _page(self, request: web.Request, template: str, values: Mapping[str, object] | None) -> web.Response:
        if values is None:
            raise web.HTTPNotFound
        return _html(self.render(request, self.words(request), template, values))

    async def latest(self, request: web.Request, archive: Snapshot) -> web.Response:
        """Return the newest posts; with the start parameter of a direct link redirect to its page."""
        start = request.query.get("tgWebAppStartParam", request.query.get("startapp"))
        path = app_start_path(start) if start else None
        if path is not None and path != "/":
            raise web.HTTPFound(path)
        values = pages.latest(archive, self.words(request), _number(request))
        return self._page(request, "list.html", {**values, "feed": "/feed"})

    async def index(self, request: web.Request, archive: Snapshot) -> web.Response:
        kind = PATH_KINDS[request.match_info["path"]]
        return self._page(request, "index.html", pages.index(archive, self.words(request), kind))

    async def scope(self, request: web.Request, archive: Snapshot) -> web.Response:
        path = request.match_info["path"]
        found = _scope(request, archive, path)
        values = pages.scope(archive, self.words(request), found, _number(request))
        values |= {"feed": f"/feed/{path}/{found.id}", "files": f"/files/{path}/{found.id}"}
        return self._page(request, "list.html", values)

    async def any_scope(self, request: web.Request, archive: Snapshot) -> web.Response:
        """Redirect to the page of a series, tag or category that is named by its id alone."""
        found = _scope(request, archive)
        raise web.HTTPFound(f"/{pages.PATHS[found.kind]}/{found.id}")

    async def years(self, request: web.Request, archive: Snapshot) -> web.Response:
        return self._page(request, "years.html", pages.years(archive, self.words(request)))

    async def month(self, request: web.Request, archive: Snapshot) -> web.Response:
        year, number = int(request.match_info["year"]), int(request.match_info["month"])
        values = pages.month(archive, self.words(request), year, number) if 1 <= number <= 12 else None
        return self._page(request, "list.html", values)

    async def map(self, request: web.Request, archive: Snapshot) -> web.Response:
        suffix = _suffix(request)
        return self._page(request, "map.html", pages.chart_of_series(archive, self.words(request), suffix))

    async def invitation(self, request: web.Request, _: Snapshot) -> web.Response:
        """Return the page that the Mini App replaces by the person's own."""
        chat = request.query.get("chat", "")
        number = chat if chat.isascii() and chat.isdecimal() else ""
        return self._page(request, "me.html", {"me": None, "chat": number, "refused": None})

    async def post(self, request: web.Request, archive: Snapshot) -> web.Response:
        post, words = _post(request, archive), self.words(request)

        async def details(tx: Transaction) -> pages.Details:
            return pages.Details(
                mentions=await tx.posts.mentions_in(post.id),
                readers=await tx.posts.reader_history(post.id),
                index=await self._services.search_service.index(tx),
            )

        found = await self._services.database.read(details)
        return self._page(request, "post.html", pages.card(archive, words, post, found))

    async def post_bibtex(self, request: web.Request, archive: Snapshot) -> web.Response:
        post = _post(request, archive)
        return file_response([post], "bib", "", f"post-{post.id}", self._services.site)

    async def _search(self, request: web.Request, archive: Snapshot) -> tuple[str, list[tuple[Post, Hit]]]:
        query = _text(request.query.get("q", ""))
        if not query:
            return query, []
        search, today = self._services.search_service, self._services.today
        hits = await self._services.database.read(lambda tx: search.search(tx, query, today, SEARCHED))
        found = ((archive.by_id.get(hit.post_id), hit) for hit in hits[:SEARCHED])
        return query, [(post, hit) for post, hit in found if post is not None]

    async def search(self, request: web.Request, archive: Snapshot) -> web.Response:
        query, found = await self._search(request, archive)
        rows = [pages.hit_row(post, hit, self.words(request)) for post, hit in found]
        whole = any(hit.whole for _, hit in found)
        values = {"query": query, "rows": rows, "whole": whole, "feed": "/feed/search" if rows else None}
        return self._page(request, "search.html", {**values, "feed_query": f"?q={quote(query, safe='')}"})

    async def feed(self, request: web.Request, archive: Snapshot) -> web.Response:
        path, title = request.match_info.get("path"), self._services.site.name
        if path is None:
            return await self.feed_response(request, archive, title, "/", archive.posts)
        found = _scope(request, archive, path)
        posts = newest_first(archive.posts_of(found.id))
        home = f"/{path}/{found.id}"
        return await self.feed_response(request, archive, f"{found.name} · {title}", home, posts)

    async def search_feed(self, request: web.Request, archive: Snapshot) -> web.Response:
        query, found = await self._search(request, archive)
        if not query:
            raise web.HTTPNotFound
        title, home = f"{query} · {self._services.site.name}", f"/search?q={quote(query, safe='')}"
        posts = newest_first(post for post, _ in found)
        return await self.feed_response(request, archive, title, home, posts)

    async def feed_response(
        self, request: web.Request, archive: Snapshot, title: str, home: str, posts: Sequence[Post]
    ) -> web.Response:
        """Return a feed of the first posts in the format of the request.

        It is written in a thread: formulas that are not cached take a millisecond each.
        """
        kind, base = request.match_info["format"], self.base(request)
        query = _text(request.query.get("q", ""))
        own = request.path + (f"?q={quote(query, safe='')}" if query else "")
        feed = feeds.Feed(
            title=title,
            home=base + home,
            address=base + own,
            identity=home,
            site=self._services.site,
            posts=posts[: feeds.MOST],
            edits=archive.edits,
        )
        media = feeds.CONTENT_TYPES[kind].partition(";")[0]
        link = (
            f'<{feed.address}>; rel="self"; type="{media}", <{feed.home}>; rel="alternate"; type="text/html"'
        )
        headers = {"Content-Type": feeds.CONTENT_TYPES[kind], "Link": link}
        return web.Response(body=await asyncio.to_thread(feeds.write_feed, feed, kind), headers=headers)

    async def opml(self, request: web.Request, archive: Snapshot) -> web.Response:
        base = self.base(request)
        outlines = [
            (each.scope.name, f"{base}/feed/series/{each.scope.id}.atom", f"{base}/series/{each.scope.id}")
            for each in archive.scopes.get(ScopeKind.SERIES, ())
        ]
        body = feeds.write_opml(self._services.site.name, outlines)
        return web.Response(body=body, headers={"Content-Type": feeds.CONTENT_TYPES["opml"]})

    async def download(self, request: web.Request, archive: Snapshot) -> web.Response:
        path, kind = request.match_info["path"], request.match_info["format"]
        found = _scope(request, archive, path)
        posts = archive.posts_of(found.id)
        return file_response(posts, kind, found.name, f"{path}-{found.id}", self._services.site)

    async def search_download(self, request: web.Request, archive: Snapshot) -> web.Response:
        query, found = await self._search(request, archive)
        posts = [post for post, _ in found]
        return file_response(posts, request.match_info["format"], query, "search", self._services.site)


def file_response(posts: Sequence[Post], kind: str, title: str, name: str, site: SiteProfile) -> web.Response:
    """Return a list of posts as a download in the format `kind`."""
    disposition = f'attachment; filename="{name}.{kind}"'
    headers = {"Content-Type": CONTENT_TYPES[kind], "Content-Disposition": disposition}
    return web.Response(body=write_list(posts, kind, title, site), headers=headers)


def language_of_request(request: web.Request, site: SiteProfile) -> str:
    """Return the language of `?lang=`, of Accept-Language (RFC 9110, 12.5.4), or of the blog."""
    asked = request.query.get("lang", "")
    if asked in LANGUAGES:
        return asked
    known = {language.partition("-")[0] for language in LANGUAGES}
    ranges = [part.strip().partition(";") for part in request.headers.get("Accept-Language", "").split(",")]
    weighted = sorted(((_weight(weight), code) for code, _, weight in ranges), key=lambda one: -one[0])
    wanted = (code for weight, code in weighted if weight > 0 and code.partition("-")[0].lower() in known)
    return language_of(next(wanted, site.languages[0] if site.languages else "zh"))


def _weight(parameter: str) -> float:
    """Return the weight of `q=0.8`; 1 where it is missing or malformed."""
    digits = parameter.strip().removeprefix("q=").strip()
    return float(digits) if digits.replace(".", "", 1).isdigit() and digits.isascii() else 1.0


def _other_languages(request: web.Request) -> list[tuple[str, str, str]]:
    """Return (code for HTML, name, address of this page) of each language."""
    kept = [(name, value) for name, value in request.query.items() if name in ("q", "page", "chat")]
    addresses = {code: "?" + urlencode([*kept, ("lang", code)], errors="replace") for code in LANGUAGES}
    return [(HTML_LANGUAGES.get(code, code), LANGUAGE_NAMES[code], addresses[code]) for code in LANGUAGES]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def load_templates() -> None:
    """Compile all templates."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def asset_body(name: str) -> bytes:
    """Return a static file."""
    folder = files("bot.preview") / "katex" if name.startswith("katex") else files("bot.web") / "static"
    return (folder / name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file, with a version that changes with its content."""
    return f"/static/{name}?v={hashlib.sha256(asset_body(name)).hexdigest()[:12]}"


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(
        body=text.encode("utf-8", "replace"), status=status, content_type="text/html", charset="utf-8"
    )


def _post(request: web.Request, archive: Snapshot) -> Post:
    post = archive.by_id.get(PostId(int(request.match_info["id"])))
    if post is None:
        raise web.HTTPNotFound
    return post


def _scope(request: web.Request, archive: Snapshot, path: str | None = None) -> Scope:
    """Return the scope of the request, of the kind that `path` names. Raises HTTPNotFound."""
    kind = None if path is None else PATH_KINDS[path]
    counted = archive.scope(int(request.match_info["id"]), kind)
    if counted is None:
        raise web.HTTPNotFound
    return counted.scope


def _suffix(request: web.Request) -> str:
    """Return the query that keeps the language of `?lang=` in the links of a page."""
    chosen = request.query.get("lang", "")
    return f"?lang={chosen}" if chosen in LANGUAGES else ""


def _number(request: web.Request) -> int:
    text = request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _text(query: str) -> str:
    """Return what is searched for: bounded, without characters that no database and no XML takes."""
    return feeds.xml_text(" ".join(query.split())[:MAX_QUERY])
