"""The reading room in a real browser: every page in both languages, sizes and colour schemes."""

import shutil
from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from tests.web.conftest import Served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PAGES = (
    "/",
    "/series",
    "/series/{series}",
    "/tag",
    "/archive",
    "/map",
    "/search?q=Transformer",
    "/post/{post}",
)
SIZES = {"phone": (320, 640), "desktop": (1280, 900)}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Start the system's Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


async def addresses(served: Served) -> list[str]:
    """Return the pages with a series and a post that has formulas."""
    archive = await served.room.archive.get()
    post = next(post.id for post in archive.posts if "$" in post.excerpt)
    series = next(post.series_id for post in archive.posts if post.series_id is not None)
    return [page.format(series=series, post=post) for page in PAGES]


class Watched:
    """A page whose console errors and requests to other hosts are collected."""

    def __init__(self, page: Page, host: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self._host = host
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._host, "data:")):
            self.faults.append(f"request to {request.url}")


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    [
        ("zh-CN", "phone", "dark"),
        ("zh-CN", "desktop", "light"),
        ("en", "phone", "light"),
        ("en", "desktop", "dark"),
    ],
)
async def test_every_page_is_sound(
    served: Served, browser: Browser, scheme: str, size: str, language: str
) -> None:
    served.room.limits.burst = served.room.limits.per_second = 1e9
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
    )
    watched = Watched(await context.new_page(), served.url)
    for address in await addresses(served):
        await watched.page.goto(served.url + address, wait_until="networkidle")
        overflow = await watched.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not overflow, f"{address} is wider than the screen"
        found = await Axe().run(watched.page)
        serious = [
            f"{address}: {each['id']} {[node['target'] for node in each['nodes']][:2]}"
            for each in found.response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == []
    assert watched.faults == []
    await context.close()


async def test_formulas_are_typeset(served: Served, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(served.url + (await addresses(served))[-1], wait_until="networkidle")
    assert await page.locator(".tex").count() > 0
    assert await page.locator(".tex .katex").count() == await page.locator(".tex").count()
    await page.close()


async def test_search_as_you_type_and_by_keyboard(served: Served, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(served.url + "/search")
    await page.locator("#q").press_sequentially("Transformer", delay=10)
    await page.locator("#found li").first.wait_for()
    await page.goto(served.url + "/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.close()


async def test_pages_work_without_script(served: Served, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(served.url + "/")
    await page.locator("#q").fill("Transformer")
    await page.locator("form button").click()
    await page.locator("#found a").first.click()
    assert "/post/" in page.url
    assert (await page.locator("h1").inner_text()).strip()
    await context.close()
