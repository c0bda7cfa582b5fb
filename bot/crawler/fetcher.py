"""HTTP client of the crawler: conditional requests with a pause per host, robots.txt and size limits.

Each redirect is validated before it is followed. Errors are returned as NotFetched, never raised.
"""

import asyncio
import hashlib
import logging
import re
import zlib
from collections import defaultdict
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

import aiohttp

from bot.crawler.robots import PRODUCT_TOKEN, Robots, robots_of
from bot.crawler.schedule import parse_retry_after
from bot.crawler.url_policy import (
    RefusedAddressError,
    host_of,
    public_socket,
    redirected,
    same_blog,
)
from bot.intake.formats import ParsedDump, UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.site_profile import KEXUE, SiteProfile
from bot.supervisor import wait_for
from bot.text_sanitizer import redact_url, redact_urls
from storage.clock import Clock
from storage.model import Dump

MAX_BYTES = 15 * 1024 * 1024


class BadBodyError(Exception):
    """The body is too large, cut or damaged; the message gives the reason."""


async def read_body(
    chunks: AsyncIterable[bytes], encoding: str, *, length: int | None = None, limit: int = MAX_BYTES
) -> bytes:
    """Return the concatenated `chunks`, decompressed if `encoding` is gzip; at most `limit` bytes are kept.

    `length` is the Content-Length in bytes. Raises BadBodyError.
    """
    if length is not None and length > limit:
        raise BadBodyError(_too_large(limit))
    coding = encoding.strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise BadBodyError(f"compressed as {coding[:20]}, which was not asked for")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BadBodyError(_too_large(limit))
    return _gunzipped(bytes(body), limit) if coding.endswith("gzip") else bytes(body)


def _gunzipped(packed: bytes, limit: int) -> bytes:
    """Return the content of all members; what is not a member is padding, which gzip ignores too."""
    body, at = bytearray(), 0
    try:
        while at < len(packed) and (at == 0 or packed.startswith(b"\x1f\x8b", at)):
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                block = packed[at : at + 4096]  # small: what a tiny member leaves is copied
                if not block:
                    raise BadBodyError("it ends before its end")
                body += member.decompress(block, limit + 1 - len(body))
                if len(body) > limit:
                    raise BadBodyError(_too_large(limit))
                at += len(block) - len(member.unused_data)
    except zlib.error as error:
        raise BadBodyError(f"its compression is damaged ({error})") from None
    return bytes(body)


def _too_large(limit: int) -> str:
    return f"it is larger than {limit / 1e6:.0f} MB"


GATE_CHARACTERS = 1000
"""Longest gate page in bytes: a script that sets a cookie and loads the same address again."""

_END = re.compile(rb"</(?:html|rss|feed|rdf:RDF)\s*>", re.IGNORECASE)
_MEANING = {
    401: "it wants a password",
    403: "it forbids the request",
    404: "it has no such page",
    410: "it says the page is gone for good",
    429: "it says that we ask too often",
}


def is_gate(content: bytes) -> bool:
    """Return whether `content` is the gate page that a first visit gets."""
    return len(content) < GATE_CHARACTERS and b"<script" in content and b"location" in content


def why_not_fetched(status: int, content: bytes) -> str | None:
    """Return the reason why a response is not the requested page, or None if it is."""
    if is_gate(content):
        return f"the gate before a first visit, not the page itself ({status})"
    if status != 200:
        meaning = _MEANING.get(status, "it is out of order" if status >= 500 else "an answer of no use")
        return f"{meaning} ({status})"
    if not content.strip():
        return "an empty answer"
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and not _END.search(content):
        return "half a page: its end is missing"
    return None


log = logging.getLogger(__name__)

MOST_REDIRECTS = 5
GATE_TRIES = 2  # the gate sets a cookie and reloads, so the second request may pass
ROBOTS_AGE = timedelta(hours=24)  # RFC 9309 §2.4
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
MAX_VALIDATOR = 256  # characters of ETag and Last-Modified; longer ones are not sent back
RATE_LIMITED = frozenset({408, 429})
ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/html;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """Validators of a stored page: ETag and Last-Modified as received, and the SHA-256 of the body."""

    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete page. Store the validators only in the transaction that stores its posts."""

    dump: Dump
    validators: Validators


@dataclass(frozen=True, slots=True)
class NotModified:
    """The stored page is current: 304, or the same bytes."""

    validators: Validators


@dataclass(frozen=True, slots=True)
class NotFetched:
    """No page, with the reason and the time of Retry-After. It never means that posts were deleted.

    `outage` marks failures of the network, the server or its rate limit; others concern this address only.
    """

    reason: str
    retry_at: datetime | None = None
    status: int | None = None
    outage: bool = False


Fetch = Fetched | NotModified | NotFetched


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes


class _NoPageError(Exception):
    """The request failed; the message gives the reason, the rest is that of NotFetched."""

    def __init__(self, reason: str, *, outage: bool = True, retry_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.outage = outage
        self.retry_at = retry_at


class _RedirectsError(_NoPageError):
    """There are more redirects than are followed."""


class Fetcher:
    """HTTP client for the hosts of one blog. All times are seconds.

    `deadline` limits one page from the first request to its last byte without the pauses. Connections go
    to public addresses only, unless `private` is set; with a `proxy` the proxy resolves and connects.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        user_agent: str,
        pause: float,
        hosts: frozenset[str] = KEXUE.hosts,
        deadline: float = 30.0,
        proxy: str | None = None,
        private: bool = False,
    ) -> None:
        self._clock = clock
        self._user_agent = user_agent
        self._pause = pause
        self._hosts = hosts
        self._deadline = deadline
        self._proxy = proxy
        self._private = private or proxy is not None
        self._session: aiohttp.ClientSession | None = None
        self._closing = asyncio.Event()
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked_at: dict[str, float] = {}
        self._robots: dict[str, tuple[datetime, Robots]] = {}
        self._moves: set[tuple[str, str]] = set()  # permanent redirects that were logged

    async def fetch(self, url: str, known: Validators = NO_VALIDATORS, *, origin: str = "page") -> Fetch:
        """Fetch `url`, conditionally if `known` has validators. Requests to one host are queued."""
        try:
            async with self._queues[same_blog(host_of(url), self._hosts)]:
                return await self._fetch(url, known, origin)
        except _NoPageError as error:
            return NotFetched(str(error), error.retry_at, outage=error.outage)
        except RefusedAddressError as error:
            return NotFetched(str(error))

    async def close(self) -> None:
        """Cancel requests in flight; they return NotFetched."""
        self._closing.set()
        if self._session is not None:
            await self._session.close()

    async def _fetch(self, url: str, known: Validators, origin: str) -> Fetch:
        headers = _conditions(known)
        for _ in range(GATE_TRIES):
            answer = await self._follow(url, headers)
            if not is_gate(answer.content):
                break
        now = self._clock.now()
        if answer.status == 304 and headers:
            return NotModified(_validators(answer, known.sha256, known))
        if (reason := why_not_fetched(answer.status, answer.content)) is not None:
            retry_at = parse_retry_after(answer.headers.get("Retry-After"), now)
            outage = answer.status >= 500 or answer.status in RATE_LIMITED or is_gate(answer.content)
            return NotFetched(reason, retry_at, answer.status, outage)
        validators = _validators(answer, hashlib.sha256(answer.content).hexdigest())
        if validators.sha256 == known.sha256:
            return NotModified(validators)
        name = url.partition("://")[2].partition("?")[0]
        return Fetched(Dump(name=name, content=answer.content, captured_at=now, origin=origin), validators)

    async def _follow(self, url: str, headers: Mapping[str, str], *, obeying: bool = True) -> _Answer:
        """Follow redirects to the final response; each address is checked against policy and robots.txt."""
        left = self._deadline
        for _ in range(MOST_REDIRECTS + 1):
            if obeying and not (robots := await self._robots_at(url)).allows(url):
                raise _NoPageError(
                    f"robots.txt forbids it to {PRODUCT_TOKEN} ({robots.rule_against(url)[:90] or 'no rule'})"
                )
            await self._take_turn(url)
            begun = self._clock.monotonic()
            answer = await self._ask(url, headers, left)
            left -= self._clock.monotonic() - begun
            if answer.status not in REDIRECTS:
                return answer
            target = redirected(url, answer.headers.get("Location", ""), self._hosts)
            if answer.status in PERMANENT and (url, target) not in self._moves:
                self._moves.add((url, target))
                log.info("%s has moved to %s", redact_url(url), redact_url(target))
            url = target
        raise _RedirectsError(f"more than {MOST_REDIRECTS} redirects", outage=False)

    async def _robots_at(self, url: str) -> Robots:
        address, now = urljoin(url, "/robots.txt"), self._clock.now()
        if (cached := self._robots.get(address)) is not None and now - cached[0] < ROBOTS_AGE:
            return cached[1]
        try:
            answer = await self._follow(address, {}, obeying=False)
        except (RefusedAddressError, _RedirectsError):
            # Some servers redirect what is missing to a page elsewhere; RFC 9309 §2.3.1.2 for too many.
            answer = _Answer(404, {}, b"")
        robots = robots_of(answer.status, answer.content)
        if robots is None:
            reason = f"robots.txt cannot be had ({answer.status}), so nothing is fetched"
            raise _NoPageError(reason, retry_at=parse_retry_after(answer.headers.get("Retry-After"), now))
        self._robots[address] = (now, robots)
        return robots

    async def _take_turn(self, url: str) -> None:
        """Wait until the pause after the last request to this host is over."""
        host = same_blog(host_of(url), self._hosts)
        delays = [robots.delay for _, robots in self._robots.values()]
        ready = self._asked_at.get(host, float("-inf")) + max([self._pause, *delays])
        remaining = ready - self._clock.monotonic()
        if await wait_for(self._closing, max(0.0, remaining)):
            raise _NoPageError("the program is stopping")

    async def _ask(self, url: str, headers: Mapping[str, str], seconds: float) -> _Answer:
        """Send one request. Raises _NoPageError unless a complete response arrives."""
        session = self._opened()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                async with session.get(
                    url, headers=headers, allow_redirects=False, proxy=self._proxy
                ) as response:
                    return _Answer(response.status, response.headers, await self._content(response))
        except TimeoutError:
            raise _NoPageError(f"no complete answer within {self._deadline:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = redact_urls(" ".join(str(error).split()))[:200]
            raise _NoPageError(f"it cannot be reached ({type(error).__name__}: {detail})") from None
        finally:
            self._asked_at[same_blog(host_of(url), self._hosts)] = self._clock.monotonic()

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status in REDIRECTS or response.status == 304:
            return b""
        try:
            return await read_body(
                response.content.iter_any(),
                response.headers.get("Content-Encoding", ""),
                length=response.content_length,
            )
        except (BadBodyError, aiohttp.ClientPayloadError) as error:
            response.close()  # otherwise the rest of the body would be read to reuse the connection
            if response.status != 200:
                return b""  # the status is the reason
            bad = isinstance(error, BadBodyError)
            reason = str(error) if bad else "it ends before its end"
            raise _NoPageError(f"a body of no use: {reason}", outage=not bad) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # read_body decompresses within a limit; aiohttp would decompress first and count afterwards.
                auto_decompress=False,
                headers={
                    "User-Agent": self._user_agent,
                    "Accept": ACCEPT,
                    "Accept-Encoding": "gzip",
                    "Accept-Language": "zh-CN, zh;q=0.9, en;q=0.5",
                },
                cookie_jar=aiohttp.CookieJar(unsafe=True),  # also for hosts given as IP addresses
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(10.0, self._deadline)),
                connector=aiohttp.TCPConnector(
                    limit=2, socket_factory=None if self._private else public_socket
                ),
            )
        return self._session


async def fetch_parsed(
    fetcher: Fetcher, url: str, site: SiteProfile, *, origin: str
) -> tuple[Dump, ParsedDump] | NotFetched:
    """Fetch and parse a page without validators."""
    match await fetcher.fetch(url, origin=origin):
        case NotFetched() as failure:
            return failure
        case NotModified():
            return NotFetched("304 for a request without validators")
        case Fetched(dump):
            try:
                return dump, read_dump(dump, site)
            except UnreadableDumpError as error:
                return NotFetched(error.cause)


def _conditions(known: Validators) -> dict[str, str]:
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def _validators(answer: _Answer, sha256: str | None, known: Validators = NO_VALIDATORS) -> Validators:
    return Validators(
        etag=_storable(answer.headers.get("ETag", known.etag)),
        last_modified=_storable(answer.headers.get("Last-Modified", known.last_modified)),
        sha256=sha256,
    )


def _storable(header: str | None) -> str | None:
    """Return a validator that can be stored and sent back; None makes the next request unconditional."""
    if not header or len(header) > MAX_VALIDATOR or not (header.isascii() and header.isprintable()):
        return None
    return header
