"""The room of another blog: every name, address, licence and language is that of its profile."""

import asyncio
import json
import re
import signal
from pathlib import Path

import aiohttp
import feedparser

from bot.site_profile import read_site_profile
from tests.cli.program import PATIENCE, environment
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import FakeTelegram
from tests.telegram.test_webhook import free_port
from tests.tools.dumps import Shown, land, listing
from tests.tools.programs import started
from tests.web.conftest import Served, serving
from tests.web.test_personal import ask

OTHER = """
name = "Notes on Birds"
author = "Ada Finch"
home = "https://birds.example:8443/blog"
licence = "CC BY 4.0"
permalink = "/notes/{id}.html"
search = "/find?q={words}"
key_prefix = "birds"
languages = ["en"]
time_zone = "America/New_York"
"""
OF_THE_DEFAULT = (
    "科学空间",
    "苏剑林",
    "kexue",
    "Su Jianlin",
    "Scientific Spaces",
    "spaces.ac.cn",
    "BY-NC-ND",
)
FEED = (
    '<rss version="2.0"><channel><title>Notes on Birds</title>'
    "<item><title>Songs (1): of finches</title><link>https://birds.example:8443/blog/notes/7.html</link>"
    "<pubDate>Wed, 01 May 2024 10:00:00 -0400</pubDate><category>Songs</category>"
    "<description>An excerpt about finches.</description></item></channel></rss>"
)


async def addresses(served: Served) -> list[str]:
    """Return every public address that the pages link to, and the feeds and files that they do not."""
    seen, waiting = list[str](), ["/", "/me", "/search?q=Songs", "/nope"]
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith("/static"):
            continue
        seen.append(address)
        async with served.client.get(served.url + address) as answer:
            if answer.content_type == "text/html":
                links = re.findall(r'href="(/[^"]*)"', await answer.text())
                waiting += [link.replace("&amp;", "&") for link in links]
    return seen


async def test_the_room_of_another_blog_names_nothing_of_the_default(tmp_path: Path) -> None:
    site = read_site_profile(OTHER)
    days = [Shown(title=f"Songs ({number}): part {number}", excerpt="Birds.") for number in (2, 3)]
    text = listing(*days).replace("苏剑林", "Ada Finch")
    dumps = [("feed.xml", FEED.encode()), ("list.txt", text.encode())]
    async with serving(tmp_path, dumps, site=site, limited=False) as served:
        served.room.services.bot = "birds_bot"
        found = await addresses(served)
        assert len([one for one in found if one.startswith("/post/")]) >= 3
        _, mine = await ask(served, "feed")
        for address in [*found, mine["feed"]]:
            for language in ("zh", "en"):
                async with served.client.get(
                    served.url + address, headers={"Accept-Language": language}
                ) as answer:
                    body = await answer.text()
                    known = [word for word in OF_THE_DEFAULT if word in body + str(answer.headers)]
                    assert known == [], (address, known)
        page = await served.text(next(one for one in found if re.fullmatch(r"/post/\d+", one)))
        assert "Ada Finch" in page
        assert "CC BY 4.0" in page
        html = await served.text("/", **{"Accept-Language": "fr"})
        assert '<html lang="en">' in html
        feed = feedparser.parse(await served.text("/feed.atom"))
        assert (feed.feed.title, feed.feed.author, feed.feed.rights) == (
            "Notes on Birds", "Ada Finch", "CC BY 4.0",
        )  # fmt: skip
        (entry,) = [one for one in feed.entries if "finches" in one.title]
        assert entry.link == "https://birds.example:8443/blog/notes/7.html"
        assert entry.id.startswith("tag:birds.example,")
        assert entry.published == "2024-05-01T04:00:00Z"  # midnight in New York
        rows = json.loads(await served.text("/files/search.json?q=finches"))
        assert [row["url"] for row in rows] == ["https://birds.example:8443/blog/notes/7.html"]
        assert "@online{birds-7," in await served.text("/files/search.bib?q=finches")


async def test_the_bot_serves_the_profile_of_site_file(tmp_path: Path, telegram: FakeTelegram) -> None:
    port = free_port()
    bot = WholeBot(telegram, tmp_path, web_port=port, site_file=land(tmp_path, "site.toml", OTHER))
    await bot.starts()
    try:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as answer:
            html = (await answer.text()).replace("https://t.me/kexue_test_bot", "")
    finally:
        await bot.stops()
    assert "Notes on Birds" in html
    assert [word for word in OF_THE_DEFAULT if word in html] == []


async def test_the_command_serves_the_profile_of_site_file(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "said"
    land(tmp_path, "site.toml", OTHER)
    settings = environment(tmp_path, SITE_FILE="site.toml")
    process = started("web", f"--port={port}", folder=tmp_path, environment=settings, log=log)
    while "http://" not in log.read_text():
        assert process.poll() is None, log.read_text()
        await asyncio.sleep(0.05)
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as answer:
        html = await answer.text()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, PATIENCE) == 0
    assert "Notes on Birds" in html
    assert [word for word in OF_THE_DEFAULT if word in html] == []
