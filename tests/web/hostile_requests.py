"""Requests that no client should send, as bytes: mutated paths, queries, methods, headers and bodies.

The same seed gives the same requests. Numbers, dates, encodings and lengths are those at which parsers break.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from tests.web.test_init_data import init_data

PATHS = (
    "/", "/series", "/series/1", "/tag/2", "/category/3", "/scope/1", "/archive", "/archive/2022-06", "/map",
    "/search?q=Transformer", "/feed/search.json?q=RoPE", "/post/1", "/post/1.bib", "/feed.atom", "/feed.rss",
    "/feed.json", "/feed/series/1.atom", "/feed/tag/2.rss", "/feed/search.json?q=x", "/series.opml",
    "/feed/me/" + "a" * 43 + ".atom", "/files/series/1.bib", "/files/search.csv?q=x", "/static/room.css",
    "/?tgWebAppStartParam=p_1", "/?startapp=w_Uk9QRQ", "/?page=2&lang=en", "/api/me", "/api/mark",
    "/me?chat=1", "/api/subscribe", "/api/mute", "/api/setting", "/api/feed", "/me", "/me/saved.md",
)  # fmt: skip
METHODS = ("GET",) * 6 + ("POST",) * 4 + ("HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "FOO")
PIECES = (
    "%00", "%ff", "%c3%28", "%ed%a0%80", "%2e%2e%2f", "../", "..%2f..%2fetc/passwd", "%252e%252e/", "%u0041",
    "%", "%2", "9" * 30, "-1", "0", "1e9", "NaN", "0x10", "٣", "１", "²", "0000-00", "9999-12", "2020-13",
    "2022-99", "//", "\\",
    "'", '"', "<script>", "{{7*7}}", "${7*7}", ";", "&", "=", "?", "#", "%0d%0aX: y", "é", "😀", "a" * 3000,
    "\u202e", " ", "category:", "by:date", "2020..2021", '"unclosed', "(" * 50, "-" * 50, "*" * 50, "$\\frac",
    "AND OR NOT",
)  # fmt: skip
HEADERS = {
    "Accept-Language": (
        "", "*", ";q=", "zh;q=nan", "en;q=1.0.0", ",,,", "zh-" + "x" * 2000, "en;q=-1,zh;q=9" * 50, "\xff",
    ),
    "Accept-Encoding": ("", "gzip;q=0", "identity;q=0", "*;q=0", "br", "gzip;q=x", ",;,"),
    "If-None-Match": ("*", '""', "W/", '"' + "a" * 2000, "x,y," * 100, "\xfe"),
    "If-Modified-Since": (
        "now", "Mon, 32 Jan 2026 00:00:00 GMT", "Sat, 01 Jan 0001 00:00:00 +2359", "9" * 40,
    ),
    "Host": ("", "a b", "evil.example\"><x", "[::1", "x" * 500, "host:999999", "\xff\xfe", "münchen.example"),
    "X-Forwarded-For": ("", "x", "1.2.3.4, ", "999.1.1.1", "::1", "1.1.1.1," * 200, "fe80::1%eth0"),
    "Content-Type": (
        "multipart/form-data", "multipart/form-data; boundary=", "application/json; charset=bogus",
        "text/plain; charset=utf-7", "application/x-www-form-urlencoded; charset=nope", "\xff", ";",
        "multipart/form-data; boundary=" + "b" * 300, "multipart/form-data; boundary=b",
    ),
    "Range": ("bytes=0-1", "bytes=9-1", "x"),
    "Expect": ("100-continue", "nonsense"),
    "Content-Encoding": ("gzip", "deflate", "x"),
    "Cookie": ("a=b; " * 100, "\xff"),
    "Upgrade": ("websocket", "h2c"),
}  # fmt: skip
VALUES: tuple[object, ...] = (
    1, 0, -1, 2**63, 10**40, 1.5, True, None, "", "1", "x" * 5000, [], {}, [[[[]]]], "\x00", "\ud800",
    "read", "saved", "hour", "quiet", "time_zone", "23-7", "../../etc/localtime", "Asia/Shanghai",
    "晚上 9 点",
)  # fmt: skip
READER = {"id": 77, "first_name": "\x00读者<b>", "last_name": None, "language_code": "zh-\ud800"}


def requests(seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` requests, each on a connection of its own."""
    luck = random.Random(seed)
    signed = (
        init_data(datetime.now(UTC), READER),
        "",
        "hash=0",
        "\xff",
        "a=b&" * 3000,
        init_data(user={"id": 2**70}),
    )
    for _ in range(count):
        method, target = luck.choice(METHODS), _target(luck)
        headers = {"Host": "room.example", "Connection": "close"}
        body = (
            _body(luck, luck.choice(signed)) if method not in ("GET", "HEAD") or luck.random() < 0.1 else b""
        )
        if body:
            headers |= {"Content-Length": str(len(body)), "X-Init-Data": luck.choice(signed)}
            json_like = body[:1] in b"[{"
            headers["Content-Type"] = "application/json" if json_like else "application/x-www-form-urlencoded"
        for name in luck.sample(sorted(HEADERS), luck.choice((0, 0, 1, 2, 4))):
            headers[name] = luck.choice(HEADERS[name])
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n"
        yield _damaged(luck, head) + body if luck.random() < 0.1 else head + body


def _target(luck: random.Random) -> str:
    target = luck.choice(PATHS)
    for _ in range(luck.choice((0, 0, 1, 1, 2, 3))):
        at = luck.randint(1, len(target))
        piece = luck.choice(PIECES)
        piece = quote(piece, safe="%/?&=;") if luck.random() < 0.7 else piece.replace(" ", "")
        target = target[:at] + piece + target[at + luck.choice((0, 0, 1, 3)) :]
    return target


def _body(luck: random.Random, signed: str) -> bytes:
    match luck.randint(0, 5):
        case 0:
            return luck.randbytes(luck.randint(1, 300))
        case 1:
            return b"[" * luck.choice((10, 5000, 15_000))
        case 2:
            return b"x" * luck.choice((100, 16_384, 30_000))
        case 3:
            return b'--b\r\nContent-Disposition: form-data; name="do"; filename="x"\r\n\r\nx\r\n--b--'
        case 4:
            return json.dumps(_fields(luck)).encode()
        case _:
            return urlencode({"init_data": signed, **_fields(luck)}, errors="replace").encode()


def _fields(luck: random.Random) -> dict[str, object]:
    names = ("do", "post", "scope", "as", "on", "name", "value", "chat")
    fields = {name: luck.choice(VALUES) for name in luck.sample(names, luck.randint(0, len(names)))}
    if luck.random() < 0.7:
        fields["do"] = luck.choice(("mark", "subscribe", "mute", "setting", "feed", "me", "x"))
    if luck.random() < 0.5:
        fields |= {
            "name": luck.choice(("hour", "quiet", "time_zone", "language")),
            "post": 1,
            "scope": 1,
            "on": "1",
        }
    return fields


def _damaged(luck: random.Random, head: bytes) -> bytes:
    at = luck.randrange(len(head))
    return (
        head[:at]
        + luck.choice((b"\x00", b"\r", b"\n", b"\xff", b" ", b":", b""))
        + head[at + luck.randint(0, 3) :]
    )


async def statuses(port: int, sent: Iterator[bytes]) -> Counter[bytes]:
    """Send each request; return how often each status came, with the request for one of 500 and above."""
    found: Counter[bytes] = Counter()

    async def work() -> None:
        for request in sent:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            try:
                answer = await asyncio.wait_for(reader.read(), 20)
            except ConnectionError:  # refused before the whole body was read
                answer = b"HTTP/1.1 closed"
            except TimeoutError:  # the damage made the server wait for more
                answer = b"HTTP/1.1 waits"
            writer.close()
            status = answer[9:12]
            found[status if not status.startswith(b"5") else status + b" " + request[:400]] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(work())
    return found
