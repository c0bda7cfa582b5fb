"""Feeds of every kind: valid by their formats' rules, stable, edited only by edits, cheap to poll."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import pytest
from lxml import etree, html

from bot.text_sanitizer import units
from bot.web.content import EXCERPT_UNITS
from bot.web.pages import PATHS
from bot.web.server import SETTLED
from storage.model import ScopeKind
from tests.tools.dumps import Shown, listing
from tests.web.conftest import SAMPLE_DUMPS, Served, serving
from tests.web.test_personal import ask

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "data" / "atom.rng"))
ODD = (
    Shown(title="一次 < 二次 && \"三次\" ]]> 的 $x_1^{2}$", excerpt="尖括号<b>与</b>&amp;和$a<b$，末了。"),
    Shown(title="位置编码{与}%括号 #5 ~ \\alpha", excerpt=r"\begin{equation}\undefined{x}\end{equation}"),
    Shown(title="很长的一篇", excerpt="很长的摘要，" * 900 + "$E=mc^2$"),
    Shown(title="没有摘要的一篇", excerpt=""),
)  # fmt: skip
ODD_DUMP = ("odd.txt", listing(*ODD).encode())


async def feed_paths(served: Served) -> list[str]:
    """Return one feed of each kind, without the ending."""
    archive = await served.room.archive.get()
    paths = ["/feed", "/feed/search?q=Transformer", "/feed/search?q=%E4%BD%8D%E7%BD%AE%20%26%20%3C"]
    for kind in PATHS:
        paths += [f"/feed/{PATHS[kind]}/{one.scope.id}" for one in archive.scopes[kind][:3]]
    everything = await served.database.write(lambda tx: tx.scopes.everything())
    await ask(served, "subscribe", {"scope": everything.id, "on": True})
    _, mine = await ask(served, "feed")
    return [*paths, mine["feed"].removesuffix(".atom")]


def with_ending(path: str, kind: str) -> str:
    path, _, query = path.partition("?")
    return f"{path}.{kind}" + (f"?{query}" if query else "")


async def test_every_kind_of_feed_is_valid(tmp_path: Path) -> None:
    async with serving(tmp_path, (*SAMPLE_DUMPS, ODD_DUMP), limited=False) as served:
        for path in await feed_paths(served):
            ids = []
            for kind in ("atom", "rss", "json"):
                address = served.url + with_ending(path, kind)
                async with served.client.get(address) as answer:
                    assert answer.status == 200, path
                    media, body = answer.content_type, await answer.read()
                    links = {str(link["rel"]): str(link["url"]) for link in answer.links.values()}
                assert links["self"] == address
                home = links["alternate"]
                async with served.client.get(home) as page:
                    assert page.status == 200, home
                if kind == "json":
                    ids.append(check_json_feed(json.loads(body), address))
                    continue
                parsed = feedparser.parse(body, response_headers={"content-type": f"{media}; charset=utf-8"})
                assert not parsed.bozo, (path, parsed.get("bozo_exception"))
                ids.append([entry.id for entry in parsed.entries])
                if kind == "atom":
                    assert SCHEMA.validate(etree.fromstring(body)), (path, SCHEMA.error_log)
                    assert parsed.feed.links[0].href == address
                else:
                    check_rss(ET.fromstring(body))
            assert ids[0] == ids[1] == ids[2]
            assert len(set(ids[0])) == len(ids[0])
            assert all(each.startswith("tag:kexue.fm,") for each in ids[0])


def check_json_feed(feed: dict[str, Any], address: str) -> list[str]:
    """Check the rules of JSON Feed 1.1; return the ids."""
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == address
    assert feed["title"]
    assert urlsplit(feed["home_page_url"]).scheme
    assert all(author["name"] for author in feed["authors"])
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert urlsplit(item["url"]).netloc
        assert item["content_html"]
        assert all(isinstance(tag, str) for tag in item["tags"])
        published, modified = (
            datetime.fromisoformat(item[f"date_{what}"]) for what in ("published", "modified")
        )
        assert published.tzinfo is not None
        assert modified >= published
    return [item["id"] for item in feed["items"]]


def check_rss(root: ET.Element) -> None:
    """Check the rules of RSS 2.0."""
    assert (root.tag, root.attrib["version"]) == ("rss", "2.0")
    (channel,) = root
    assert all(channel.findtext(name) for name in ("title", "link", "description", "lastBuildDate"))
    for item in channel.findall("item"):
        assert item.findtext("title")
        assert urlsplit(item.findtext("link") or "").netloc
        guid = item.find("guid")
        assert guid is not None
        assert guid.attrib == {"isPermaLink": "false"}
        assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo is not None


async def test_a_feed_has_an_excerpt_within_the_bound_the_author_and_the_licence(tmp_path: Path) -> None:
    async with serving(tmp_path, (ODD_DUMP,)) as served:
        contents = [entry.content[0].value for entry in await entries(served, "/feed.atom")]
        for content in contents:
            shown = html.fromstring(f"<div>{content}</div>").text_content()
            assert units(shown) < EXCERPT_UNITS + 200
            assert "苏剑林" in content
            assert "CC BY-NC-ND" in content


async def entries(served: Served, path: str) -> list[Any]:
    parsed = feedparser.parse(await served.text(path), sanitize_html=False)
    return list(parsed.entries)


async def test_only_an_edit_changes_the_time_of_an_entry(tmp_path: Path) -> None:
    first = [
        Shown(title=f"第{n}篇的标题", readers=10, excerpt=f"第{n}段摘要，为测试而写。") for n in (1, 2, 3)
    ]
    async with serving(tmp_path, [("a.txt", listing(*first).encode())]) as served:

        async def times() -> Mapping[str, str]:
            return {entry.id: entry.updated for entry in await entries(served, "/feed.atom")}

        before = await times()
        read = [Shown(title=one.title, readers=99, excerpt=one.excerpt) for one in first]
        await served.lands("b.txt", listing(*read).encode())
        assert await times() == before
        edited = [
            *read[:2],
            Shown(title=first[2].title, readers=120, excerpt="作者改写了这一段，为测试而写。"),
        ]
        await served.lands("c.txt", listing(*edited).encode())
        after = await times()
        assert after.keys() == before.keys()
        changed = [number for number in after if after[number] != before[number]]
        assert len(changed) == 1
        assert datetime.fromisoformat(after[changed[0]]) > datetime(2026, 1, 1, tzinfo=UTC)
        await served.lands(
            "d.txt", listing(*(Shown(title=x.title, readers=200, excerpt=x.excerpt) for x in edited)).encode()
        )
        assert await times() == after


async def test_a_poll_without_news_costs_no_body(served: Served) -> None:
    await asyncio.sleep(SETTLED.total_seconds() + 0.1)
    for path in ("/feed.atom", "/feed.rss", "/feed.json", "/series.opml", "/"):
        async with served.client.get(served.url + path) as answer:
            tag, changed = answer.headers["ETag"], answer.headers["Last-Modified"]
            assert "max-age" in answer.headers["Cache-Control"]
        for condition in ({"If-None-Match": tag}, {"If-Modified-Since": changed}):
            async with served.client.get(served.url + path, headers=condition) as again:
                assert (again.status, await again.read()) == (304, b"")
                assert again.headers["ETag"] == tag
        stale = {"If-None-Match": '"other"', "If-Modified-Since": changed}
        async with served.client.get(served.url + path, headers=stale) as answer:
            assert answer.status == 200  # an ETag counts before a date
        for wrong in ("yesterday", "Mon, 99 Foo 2026", ""):
            async with served.client.get(served.url + path, headers={"If-Modified-Since": wrong}) as answer:
                assert answer.status == 200
    await served.lands("news.txt", listing(Shown(title="一篇新文章")).encode())
    async with served.client.get(served.url + "/feed.atom", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200
        assert "一篇新文章" in await answer.text()


async def test_feeds_are_discovered_from_their_pages(served: Served) -> None:
    archive = await served.room.archive.get()
    series = archive.scopes[ScopeKind.SERIES][0].scope.id
    for page in ("/", f"/series/{series}", "/search?q=Transformer"):
        found = re.findall(
            r'<link rel="alternate" type="([^"]+)"[^>]* href="([^"]+)"', await served.text(page)
        )
        assert [kind for kind, _ in found] == [
            "application/atom+xml",
            "application/rss+xml",
            "application/feed+json",
        ]
        for kind, address in found:
            async with served.client.get(served.url + address) as answer:
                assert (answer.status, answer.content_type) == (200, kind)


async def test_opml_names_the_feed_of_every_series(served: Served) -> None:
    archive = await served.room.archive.get()
    outlines = ET.fromstring(await served.text("/series.opml")).findall("body/outline")
    assert [one.attrib["text"] for one in outlines] == [
        one.scope.name for one in archive.scopes[ScopeKind.SERIES]
    ]
    for outline in outlines:
        assert outline.attrib["type"] == "rss"
        assert not feedparser.parse(await served.text(outline.attrib["xmlUrl"].removeprefix(served.url))).bozo


@pytest.mark.parametrize("secret", ["a" * 43, "a" * 42, "../../etc/passwd"])
async def test_a_guessed_personal_feed_is_not_there(served: Served, secret: str) -> None:
    async with served.client.get(f"{served.url}/feed/me/{secret}.atom") as answer:
        assert answer.status == 404
