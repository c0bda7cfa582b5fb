"""The reading room in a real browser: every page in both languages, sizes and colour schemes."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, Route, async_playwright

from storage.model import ScopeKind, When
from tests.tools.dumps import Shown, listing
from tests.web.conftest import Served
from tests.web.test_init_data import init_data
from tests.web.test_personal import READER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PAGES = (
    "/",
    "/series",
    "/series/{series}",
    "/tag",
    "/category",
    "/archive",
    "/archive/2022-06",
    "/map",
    "/search?q=Transformer",
    "/search?q=zzzzzz",
    "/nowhere",
    "/me",
    "/post/{post}",
)
SIZES = {"narrow": (320, 640), "phone": (390, 844), "desktop": (1280, 900)}
FIRST_PAGE = 120_000  # bytes transferred, without the formula fonts in KaTeX's style sheet
SMALL = """() => [...document.querySelectorAll("nav a, button, select, input, .rows li:has(a), .index.tag a")]
  .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
COVERED = """() => [...document.querySelectorAll(".katex-tag")].filter((number) =>
  [...number.parentElement.children].some((part) => part !== number
    && part.getBoundingClientRect().right > number.getBoundingClientRect().left)).length"""
LONG = Shown(
    title="一个没有空格的很长的标题" * 8 + "AnUnbrokenLatinWordThatIsLongerThanAnyPhoneIsWide" * 2,
    excerpt="长公式：$$" + "+".join(rf"\frac{{x_{{{n}}}}}{{y^{{{n}}}}}" for n in range(30)) + r"\tag{1}$$",
)


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


async def serious_findings(page: Page) -> list[str]:
    """Return what axe calls serious or critical."""
    found = await Axe().run(page)
    return [
        f"{each['id']} {[node['target'] for node in each['nodes']][:2]}"
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_page_is_sound(
    served: Served, browser: Browser, scheme: Literal["light", "dark"], size: str, language: str
) -> None:
    """No serious finding of axe, no error on the console, no other host, nothing wider than the screen."""
    served.room.limits.burst = served.room.limits.per_second = 1e9
    await served.lands("long.txt", listing(LONG).encode())
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=language
    )
    watched = Watched(await context.new_page(), served.url)
    archive = await served.room.archive.get()
    long = next(post.id for post in archive.posts if post.title.startswith("一个没有空格"))
    for address in [*await addresses(served), f"/post/{long}"]:
        await watched.page.goto(served.url + address, wait_until="load")
        overflow = await watched.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not overflow, f"{address} is wider than the screen"
        assert await serious_findings(watched.page) == [], address
        assert await watched.page.evaluate(SMALL) == [], address
        assert await watched.page.evaluate(COVERED) == 0, f"a number lies on its formula: {address}"
    assert [fault for fault in watched.faults if "404 (Not Found)" not in fault] == []
    await context.close()


async def test_a_first_page_is_small_and_its_files_are_cached(served: Served, browser: Browser) -> None:
    for address in await addresses(served):
        context = await browser.new_context()
        page = await context.new_page()
        seen: list[Response] = []

        def collect(response: Response, seen: list[Response] = seen) -> None:
            seen.append(response)

        page.on("response", collect)
        await page.goto(served.url + address, wait_until="networkidle")
        transferred = 0
        for response in seen:
            sizes = await response.request.sizes()
            if "katex.css" not in response.url:
                transferred += sizes["responseBodySize"] + sizes["responseHeadersSize"]
            cached = await response.header_value("cache-control")
            static = "/static/" in response.url
            assert response.status == 404 or (cached or "").startswith("public, max-age="), response.url
            assert not static or "immutable" in (cached or "")
        assert transferred <= FIRST_PAGE, (address, transferred)
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
    await page.locator("#found li mark").first.wait_for()
    await page.wait_for_url("**/search?q=Transformer")
    await page.locator("#found li a").first.click()
    await page.wait_for_url("**/post/*")
    await page.go_back()
    await page.locator("#found li mark").first.wait_for()
    assert await page.locator("#q").input_value() == "Transformer"
    await page.goto(served.url + "/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.close()


async def test_the_keyboard_is_enough(served: Served, browser: Browser) -> None:
    """From the first page to a series, a post and a search, with Tab, Enter and letters only."""
    page = await browser.new_page(locale="zh-CN")
    await page.goto(served.url + "/")

    async def tab_to(selector: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none"
                return
        raise AssertionError(f"{selector} cannot be reached")

    await tab_to("nav a[href^='/series']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/series")
    await tab_to("main li a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/series/*")
    await tab_to("main li a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/post/*")
    await tab_to("#q")
    await page.keyboard.type("Transformer")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=Transformer")
    await tab_to("#found a")
    await page.goto(served.url + "/map")
    await tab_to("svg a")
    await page.close()


TELEGRAM = """
window.calls = [];
const note = (name) => (...given) => window.calls.push([name, ...given.map(String)]);
for (const [name, value] of Object.entries({ bg: "#102030", text: "#f0f4f8", hint: "#a8b8c8", link: "#8ac" }))
  document.documentElement.style.setProperty(`--tg-theme-${name}-color`, value);
document.documentElement.style.setProperty("--tg-theme-secondary-bg-color", "#1c2c3c");
window.Telegram = { WebApp: {
  ready: note("ready"), requestWriteAccess: note("requestWriteAccess"),
  initDataUnsafe: { user: { allows_write_to_pm: false } },
  BackButton: { show: note("back"), onClick: () => {} },
  HapticFeedback: { selectionChanged: note("haptic") },
} };
"""


async def test_the_mini_app_is_the_persons_own(served: Served, browser: Browser) -> None:
    """Inside Telegram: marks, subscriptions and settings by the page's own buttons and forms."""
    served.room.limits.burst = served.room.limits.per_second = 1e9
    context = await browser.new_context(locale="zh-CN")

    async def script(route: Route) -> None:
        await route.fulfill(body=TELEGRAM, content_type="text/javascript")

    await context.route("https://telegram.org/**", script)
    page = await context.new_page()
    watched = Watched(page, served.url)
    archive = await served.room.archive.get()
    series = archive.scopes[ScopeKind.SERIES][0].scope.id
    post = archive.posts_of(series)[0].id
    data = quote(init_data(datetime.now(UTC), READER))
    await page.goto(f"{served.url}/?tgWebAppStartParam=p_{post}#tgWebAppData={data}&tgWebAppVersion=9.0")
    assert page.url.startswith(f"{served.url}/post/{post}")
    read = page.locator("[data-mark=read]")
    await read.click()
    await page.locator("[data-mark=read][aria-pressed=true]").wait_for()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 32, 48)"
    assert {"ready", "back", "haptic"} <= {call[0] for call in await page.evaluate("window.calls")}
    await page.goto(f"{served.url}/series/{series}")
    await page.locator(f"li.read[data-post='{post}']").wait_for()
    assert await page.locator("[data-progress]").get_attribute("value") in (None, "1")
    assert await page.locator("[data-continue]").get_attribute("href") != "#main"
    await page.locator("[data-subscribe]").click()
    await page.locator("[data-subscribe][aria-pressed=true]").wait_for()
    assert "requestWriteAccess" in {call[0] for call in await page.evaluate("window.calls")}
    await page.goto(served.url + "/")
    await page.locator("[data-mine]").click()
    await page.locator("#set-when").wait_for()
    assert (
        await page.locator("main ul.index a").first.inner_text()
        == archive.scopes[ScopeKind.SERIES][0].scope.name
    )
    await page.locator("#set-when").select_option("weekly")
    await page.locator("form:has(#set-when) button").click()
    await page.get_by_text("已保存。").wait_for()
    await page.locator("#set-time_zone").fill("东京")
    await page.locator("#set-time_zone").press("Enter")
    await page.locator("#set-time_zone[value='Asia/Tokyo']").wait_for()
    await page.locator("#set-language").select_option("en")
    await page.locator("form:has(#set-language) button").click()
    await page.get_by_text("Saved.").wait_for()
    assert await serious_findings(page) == []
    chat = await served.database.read(lambda tx: tx.destinations.find(77))
    assert chat is not None
    chosen = chat.preferences
    assert (chosen.when, chosen.time_zone, chosen.language) == (When.WEEKLY, "Asia/Tokyo", "en")
    assert [fault for fault in watched.faults if "telegram.org" not in fault] == []
    await context.close()


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
