"""Pictures of the README: `python -m tests.tools.screenshots`, into `pictures/`.

The archive has real titles and days, and excerpts written for this project. The console is drawn by
`tests.tools.console_svg`. Needs Chromium, Pillow, fonts for Chinese (those of the package manimgx-fonts-cjk
are found) and the folder of expected values.
"""

import asyncio
import io
import os
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from html import escape
from importlib.util import find_spec
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

from bot.chat import commands
from bot.chat.context import RequestContext, Services
from bot.intake.ingest import IngestRules, ingest
from bot.preview import Shot, find, page
from bot.web.server import Room, serve_room
from storage.clock import SystemClock
from storage.database import open_database
from storage.model import ChatKind, Dump, Form
from tests.tools.shared import SHARED

PICTURES = Path(__file__).parents[2] / "pictures"
QUALITY = 82  # of WebP
GAP = 24  # px between pictures in one file
PHONE = {"width": 390, "height": 780}
NOISE = r"""示例：每一步是$\boldsymbol{x}_t=\alpha_t\boldsymbol{x}_{t-1}+\beta_t\boldsymbol{\varepsilon}$，
其中$\alpha_t^2+\beta_t^2=1$。走得足够远，留下的就只有噪声。
\begin{equation}\mathcal{L}=\mathbb{E}\left[
\Vert\boldsymbol{\varepsilon}-\boldsymbol{\epsilon}_{\theta}(\boldsymbol{x}_t,t)\Vert^2\right]
\end{equation}"""
ROTATION = r"""示例摘要：把位置写成旋转，内积就只与相对位置有关，即
$\langle\mathcal{R}_m\boldsymbol{q},\mathcal{R}_n\boldsymbol{k}\rangle=\boldsymbol{q}^{\top}\mathcal{R}_{n-m}\boldsymbol{k}$。"""
EXCERPTS = (NOISE, ROTATION, "示例摘要：换一个角度看同一个问题，结论会简单一些。")


def dump() -> Dump:
    """Return a feed of the real titles and days, with excerpts of this file."""
    items = []
    for number, line in enumerate((SHARED / "data" / "titles.tsv").read_text("utf-8").splitlines()[1:]):
        archive_id, day, category, title = line.split("\t")[:4]
        if not day:
            continue
        published = f"{date.fromisoformat(day):%a, %d %b %Y} 10:00:00 +0800"
        items.append(
            f"<item><title>{escape(title)}</title><link>https://kexue.fm/archives/{archive_id}</link>"
            f"<pubDate>{published}</pubDate><category>{escape(category or '信息时代')}</category>"
            f"<content:encoded>{escape(EXCERPTS[number % len(EXCERPTS)])}</content:encoded></item>"
        )
    content = "http://purl.org/rss/1.0/modules/content/"
    head = f'<rss version="2.0" xmlns:content="{content}"><channel><title>科学空间</title>'
    feed = f"{head}{''.join(items)}</channel></rss>"
    return Dump(name="titles.xml", content=feed.encode(), captured_at=SystemClock().now())


@asynccontextmanager
async def archive() -> AsyncIterator[Services]:
    """Open a temporary archive of the dump."""
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(f"sqlite+aiosqlite:///{folder}/pictures.db")
        await ingest(database, dump(), IngestRules(), SystemClock().now())
        yield Services(database=database, clock=SystemClock())
        await database.close()


def fonts(folder: str) -> dict[str, str]:
    """Return the environment in which Chromium finds the fonts of the packages."""
    spec = find_spec("manimgx_fonts_cjk")
    if spec is None or spec.origin is None:
        return {}
    conf = Path(folder) / "fonts.conf"
    conf.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{Path(spec.origin).parent}</dir><cachedir>{folder}/fonts</cachedir></fontconfig>"
    )
    return {"FONTCONFIG_FILE": str(conf)}


async def shot(
    browser: Browser, address: str, *, dark: bool = False, size: dict[str, int] = PHONE
) -> Image.Image:
    """Return the window of a page at twice its size in pixels."""
    context = await browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        device_scale_factor=2,
        color_scheme="dark" if dark else "light",
        locale="zh-CN",
    )
    opened = await context.new_page()
    await opened.goto(address, wait_until="networkidle")
    png = await opened.screenshot()
    await context.close()
    return Image.open(io.BytesIO(png)).convert("RGB")


def save(name: str, pictures: Sequence[Image.Image], *, width: int = 1500) -> None:
    """Write the pictures side by side as one WebP, `width` pixels wide at most."""
    height = max(each.height for each in pictures)
    sheet = Image.new("RGB", (sum(each.width + GAP for each in pictures) - GAP, height), "#d0d6dc")
    left = 0
    for each in pictures:
        sheet.paste(each, (left, 0))
        left += each.width + GAP
    sheet.thumbnail((width, height))
    sheet.save(PICTURES / f"{name}.webp", quality=QUALITY, method=6)


async def room(browser: Browser, services: Services) -> None:
    """Write the pictures of the web room."""
    async with serve_room(Room(services, None), host="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}"
        found = await services.database.read(lambda tx: tx.posts.everything())
        part = next(one for one in reversed(found) if one.series and "mathcal{L}" in one.excerpt)
        series = next(one.series_id for one in found if one.title.startswith("Transformer升级之路"))
        save("room", [
            await shot(browser, f"{url}/series/{series}"),
            await shot(browser, f"{url}/post/{part.id}", dark=True),
            await shot(browser, f"{url}/archive"),
        ])  # fmt: skip
        save("map", [await shot(browser, f"{url}/map", size={"width": 860, "height": 900})], width=1000)


async def chat(browser: Browser, services: Services, folder: str) -> None:
    """Write the answers to /series and /search as Telegram shows them."""
    request = RequestContext(chat_id=1, thread_id=None, kind=ChatKind.PRIVATE, user_id=1)
    asked = (("series", "Transformer升级之路"), ("search", "旋转位置编码"))
    pictures = []
    for command, text in asked:
        reply = await commands.ask(services, request, command, text)
        assert reply.message is not None
        source = Path(folder) / f"{command}.html"
        shots = [Shot(name=f"/{command} {text}", message=reply.message)]
        shown = page(shots, title=command, forms=[Form.CLASSIC])
        source.write_text(without_emoji(shown), encoding="utf-8")
        pictures.append(await shot(browser, source.as_uri(), size={"width": 520, "height": 640}))
    save("chat", pictures, width=1200)


def without_emoji(shown: str) -> str:
    """Return a page without the emoji of buttons, for which few machines have a font."""
    return re.sub("[\U0001f300-\U0001faff] ?", "", shown)


async def main() -> None:
    """Write all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with archive() as services, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find(),
                args=["--no-sandbox"],
                env={**os.environ, **fonts(folder)},  # noqa: TID251
            )
            await room(browser, services)
            await chat(browser, services, folder)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
