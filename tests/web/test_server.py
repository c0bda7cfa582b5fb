"""The reading room over HTTP: pages, headers, feeds, files, limits."""

import csv
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bot.web.charts import readers_chart
from bot.web.server import BURST, HEADERS, make_room
from tests.web.conftest import Served, serving

PAGES = (
    "/",
    "/series",
    "/tag",
    "/category",
    "/archive",
    "/map",
    "/search?q=Transformer",
    "/search",
    "/post/1",
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_page_names_author_licence_and_nothing_of_another_host(
    served: Served, page: str, language: str
) -> None:
    html = await served.text(page, **{"Accept-Language": language})
    assert "CC BY-NC-ND" in html
    assert ("苏剑林" if language == "zh" else "Su Jianlin") in html
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in html
    loaded = re.findall(r'<(?:script|img|link rel="(?:stylesheet|icon)")[^>]*(?:src|href)="([^"]+)"', html)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    assert "<script>" not in html
    assert " style=" not in html
    assert "method" not in re.sub(r"<[^>]*>", "", html)  # of Python, where a text should be


@pytest.mark.parametrize("page", [page for page in PAGES if page != "/post/1"])
async def test_an_empty_archive_has_every_page(tmp_path: Path, page: str) -> None:
    async with serving(tmp_path, ()) as served:
        html = await served.text(page)
    assert "<h1" in html
    assert ("这里还没有文章。" in html) == (not page.startswith("/search"))


@pytest.mark.parametrize(
    "path", ["/feed.atom", "/feed.rss", "/feed.json", "/series.opml", "/feed/search.json?q=x"]
)
async def test_an_empty_archive_has_its_feeds(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path, ()) as served:
        assert await served.text(path)


async def test_headers_are_strict_and_an_etag_saves_the_body(served: Served) -> None:
    async with served.client.get(served.url + "/") as answer:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
        tag = answer.headers["ETag"]
    async with served.client.get(served.url + "/", headers={"If-None-Match": f'"x", W/{tag}'}) as again:
        assert again.status == 304
        assert await again.read() == b""


@pytest.mark.parametrize("condition", ["*", "W/{tag}", '"a,b", {tag}', "{tag},", '  {tag}  , W/"x"'])
async def test_a_condition_that_names_the_version_is_answered_without_it(
    served: Served, condition: str
) -> None:
    async with served.client.get(served.url + "/feed.atom") as answer:
        tag = answer.headers["ETag"]
    for method in ("GET", "HEAD"):
        headers = {"If-None-Match": condition.format(tag=tag)}
        async with served.client.request(method, served.url + "/feed.atom", headers=headers) as again:
            assert (again.status, await again.read()) == (304, b""), condition


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("GZIP;Q=0.5, br", "gzip"),
        ("br, *;q=0.1", "gzip"),
        ("gzip;q=0, *", None),
        ("gzip;q=0.000", None),
        ("br", None),
        ("identity", None),
        ("", None),
        ("*;q=0", None),
        ("gzip;q=x", "gzip"),
    ],
)
async def test_a_page_is_compressed_for_who_reads_that(
    served: Served, accepted: str, coding: str | None
) -> None:
    for path in ("/", "/static/katex.min.js"):
        async with served.client.get(served.url + path, headers={"Accept-Encoding": accepted}) as answer:
            assert (answer.status, answer.headers.get("Content-Encoding")) == (200, coding)
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert len(await answer.read()) > 1000


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh_TW", "zh-Hans"),
        ("en;q=0.1,zh;q=0.2", "zh-Hans"),
        ("fr,en;q=0.001", "en"),
        ("EN-us", "en"),
        ("en;q=0,*", "zh-Hans"),
        ("*", "zh-Hans"),
        ("en;q=2", "en"),
        (";;q=,=,;q=1", "zh-Hans"),
        ("en" * 4000, "zh-Hans"),
    ],
)
async def test_the_language_is_the_readers(served: Served, accepted: str, language: str) -> None:
    html = await served.text("/", **{"Accept-Language": accepted})
    assert f'<html lang="{language}">' in html


async def test_a_month_is_named_in_the_language_of_the_page(served: Served) -> None:
    assert "<h1>Jun 2022</h1>" in await served.text("/archive/2022-06", **{"Accept-Language": "en"})


async def test_a_head_request_and_a_range_have_the_headers_of_the_whole(served: Served) -> None:
    for path in ("/", "/feed.atom", "/files/search.bib?q=RoPE", "/static/room.css"):
        async with served.client.get(served.url + path) as answer:
            tag, whole = answer.headers["ETag"], await answer.read()
        async with served.client.head(served.url + path) as answer:
            assert (answer.status, answer.headers["ETag"], await answer.read()) == (200, tag, b"")
        for wanted in ("bytes=0-9", "bytes=-1", "bytes=9-0", "bytes=0-0,2-3"):
            async with served.client.get(served.url + path, headers={"Range": wanted}) as answer:
                assert (answer.status, await answer.read()) == (200, whole)


async def test_the_public_address_is_the_operators(tmp_path: Path) -> None:
    """With WEB_URL no address is taken from the Host header, which anyone may choose."""
    async with serving(tmp_path, url="https://read.example.org") as served:
        for path in ("/feed.atom", "/feed.rss", "/feed.json", "/series.opml"):
            for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
                async with served.client.get(served.url + path, headers=headers) as answer:
                    text = await answer.text() + str(answer.headers)
                assert "https://read.example.org/" in text
                assert "evil" not in text
                assert served.url not in text


async def test_addresses_of_any_length_do_not_fill_the_memory(tmp_path: Path) -> None:
    async with serving(tmp_path, limited=False) as served:
        await served.text("/files/search.bib")
        tracemalloc.start()
        for number in range(250):
            await served.text(f"/files/search.bib?{number}{'x' * 7000}")
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown < 5_000_000  # 128 addresses are kept by yarl


async def test_links_between_pages_lead_to_pages(served: Served) -> None:
    seen, waiting = set[str](), ["/"]
    while waiting:
        page = waiting.pop()
        if page in seen or len(seen) > 80:
            continue
        seen.add(page)
        html = await served.text(page)
        waiting += [
            link.replace("&amp;", "&")
            for link in re.findall(r'href="(/[^"]*)"', html)
            if not link.startswith(("/static", "/feed", "/files", "/series.opml"))
            and not link.endswith(".bib")
        ]
    assert len(seen) > 40


@pytest.mark.parametrize(
    "path", ["/nope", "/post/999999", "/series/999999", "/archive/2020-13", "/feed/tag/99999.atom"]
)
async def test_what_is_missing_is_a_page_with_status_404(served: Served, path: str) -> None:
    async with served.client.get(served.url + path) as answer:
        assert answer.status == 404
        assert "没有这一页" in await answer.text()


async def test_an_atom_feed_holds_mathml_with_its_tex(served: Served) -> None:
    body = await served.text("/feed.atom")
    contents = [each.text or "" for each in ET.fromstring(body).iter("{http://www.w3.org/2005/Atom}content")]
    assert any('encoding="application/x-tex"' in content for content in contents)
    assert any("<math" in content for content in contents)


async def test_files_of_a_search(served: Served) -> None:
    query = "?q=Transformer"
    rows = list(
        csv.DictReader(io.StringIO((await served.text("/files/search.csv" + query)).lstrip("\ufeff")))
    )
    posts = json.loads(await served.text("/files/search.json" + query))
    assert [row["title"] for row in rows] == [post["title"] for post in posts]
    assert posts
    assert (await served.text("/files/search.md" + query)).count("\n- [") == len(posts)
    assert (await served.text("/files/search.bib" + query)).count("@online{") == len(posts)


async def test_a_search_marks_what_matches_and_says_when_nothing_matches_all(served: Served) -> None:
    html = await served.text("/search?q=Transformer")
    assert "<mark>Transformer</mark>" in html
    assert "最接近的是" not in html
    html = await served.text("/search?q=Transformer+%3Cb%3E潜水艇")
    assert "没有全部匹配的文章，最接近的是：" in html
    assert "<b>潜水艇" not in html


@pytest.mark.parametrize(("apart", "drawn"), [(timedelta(seconds=5), False), (timedelta(days=1), True)])
def test_dumps_that_were_copied_together_are_no_growth(apart: timedelta, drawn: bool) -> None:
    first = datetime(2026, 11, 23, tzinfo=UTC)
    assert (readers_chart([(first, 71_239), (first + apart, 78_366)], "阅读数") is not None) is drawn


async def test_an_address_that_asks_too_much_waits(served: Served) -> None:
    statuses = []
    for _ in range(int(BURST) + 40):
        async with served.client.get(served.url + "/static/room.css") as answer:
            statuses.append(answer.status)
    assert statuses[0] == 200
    assert 429 in statuses


def test_only_get_and_the_api_are_served(served: Served) -> None:
    methods = {
        (route.method, route.resource.canonical)
        for route in make_room(served.room).router.routes()
        if route.resource
    }
    assert {path for method, path in methods if method == "POST"} == {
        "/api/{action}",
        "/me",
        "/me/saved.{format}",
    }
    assert {method for method, _ in methods} == {"GET", "HEAD", "POST"}
