"""One target for each parser of what strangers write: bytes in, a sound value or the declared refusal out.

A target takes bytes and returns; anything that it raises is a finding. Hypothesis (test_fuzz.py) and atheris
(fuzzing.py) both drive these.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from xml.etree import ElementTree as ET

from markupsafe import Markup
from telegram import Bot

from bot import SettingsError
from bot.callbacks.codec import MAX_BYTES, decode, encode
from bot.crawler.fetcher import BadBodyError, read_body, why_not_fetched
from bot.crawler.robots import MAX_DELAY, robots_of
from bot.crawler.schedule import MAX_RETRY_AFTER, next_time, parse_retry_after, read_cron, read_pages
from bot.crawler.url_policy import RefusedAddressError, redirected
from bot.export import UnknownRecordError, restore
from bot.intake.derive import references_in
from bot.intake.series import derive_series, read_overrides, short_title
from bot.latex.telegram_subset import safe_tex
from bot.latex.unicode import unicode_tex
from bot.messages.cards import CardFacts, News, announcement, card
from bot.messages.i18n import words_for
from bot.messages.links import app_start_path, decode_start, start_payload
from bot.render import render
from bot.search.index import build
from bot.search.names import find
from bot.search.query import query_words
from bot.search.ranker import search
from bot.settings import read_settings
from bot.site_profile import KEXUE, TomlError
from bot.telegram.webhook import LARGEST, update_in
from bot.text_sanitizer import clean
from bot.titles import flatten, read_title, title_key
from bot.update_receiver import UnreadableUpdateError, update_from
from bot.web.content import EXCERPT_UNITS, excerpt_html, feed_formula, page_formula
from bot.web.feeds import xml_text
from bot.web.init_data import ForgedInitDataError, read_init_data
from storage.database import open_database
from storage.model import Form
from tests.fakes.rich_rules import faults
from tests.intake.formats.samples import read_or_reason
from tests.intake.formats.test_damage import assert_sound
from tests.latex.profile import violations
from tests.messages.posts import post
from tests.search.test_index import BIAS, GAN, ROPE
from tests.tools.telegram_parser import parse_html, units

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INDEX = build([ROPE, GAN, BIAS])
BOT = Bot("1:token")
NAMES = (("rope", "RoPE"), ("transformer", "Transformer升级之路"), ("gan", "互怼的艺术"))


def _text(content: bytes) -> str:
    """Any text, lone surrogates too: JSON from Telegram's side can carry them."""
    return content.decode("utf-8", "surrogatepass" if b"\xed" in content else "replace")


def text_of(content: bytes) -> str:
    try:
        return _text(content)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def layouts(content: bytes) -> None:
    assert_sound(read_or_reason(content))


def answers_of_the_blog(content: bytes) -> None:
    for status in (200, 304, 403, 503):
        reason = why_not_fetched(status, content)
        assert reason is None or reason
    for encoding in ("", "gzip", text_of(content[:20])):
        with suppress(BadBodyError):
            body = asyncio.run(read_body(_chunks(content), encoding, limit=10_000))
            assert len(body) <= 10_000


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100):
        yield content[start : start + 100]


def redirects(content: bytes) -> None:
    with suppress(RefusedAddressError):
        target = redirected("https://kexue.fm/feed", text_of(content), KEXUE.hosts)
        assert target.startswith("https://")
    with suppress(RefusedAddressError):
        redirected(text_of(content), "/x", KEXUE.hosts)
    until = parse_retry_after(text_of(content), NOW)
    assert until is None or NOW < until <= NOW + MAX_RETRY_AFTER


def robots(content: bytes) -> None:
    rules = robots_of(200, content)
    assert rules is not None
    if not rules.allows("https://kexue.fm/feed"):
        assert isinstance(rules.rule_against("https://kexue.fm/feed"), str)
    assert 0 <= rules.delay <= MAX_DELAY


def titles(content: bytes) -> None:
    title = text_of(content)
    assert title_key(flatten(title)) == title_key(title)
    read_title(title)
    parts = dict(enumerate(title.split("\n")))
    for membership in derive_series(parts).values():
        assert membership.series
        short_title(title, membership.series)
    stored = clean(title)  # half a character ends at the layouts
    references_in(stored)


def formulas(content: bytes) -> None:
    tex = text_of(content)
    written = safe_tex(tex)
    if written is not None:
        assert list(violations(written)) == []
        assert safe_tex(written) == written
    unicode_tex(tex)


def cards(content: bytes) -> None:
    """A post's words in both forms: Telegram's own parser takes the classic one."""
    title, _, excerpt = clean(text_of(content)).partition("\n")
    shown = post(
        1, title.strip() or "题", date(2024, 1, 1), excerpt=excerpt, tags=tuple(title.split(" ")[:5])
    )
    facts = CardFacts(post=shown, bot="kexue_bot")
    for message in (card(facts, words_for("zh")), announcement(facts, words_for("en"), news=News.WRITTEN)):
        classic = render(message, Form.CLASSIC)
        said, _ = parse_html(classic.html)
        assert 0 < units(said) <= 4096
        rich = render(message, Form.RICH)
        if rich.rich is not None:
            assert faults(rich.rich) == []
        assert len(render(message, Form.PLAIN).html) <= 4096
        if classic.keyboard is not None:
            buttons = [button for row in json.loads(classic.keyboard)["inline_keyboard"] for button in row]
            assert all(len(button.get("callback_data", "").encode()) <= MAX_BYTES for button in buttons)


def buttons(content: bytes) -> None:
    data = text_of(content)
    action = decode(data)
    if action is not None:
        assert encode(action) == data
    linked = decode_start(data)
    if linked is not None:
        assert start_payload(linked) == data


def questions(content: bytes) -> None:
    words = text_of(content)
    assert all(query_words(words))
    assert all(hit.post_id in {1, 2, 3} for hit in search(INDEX, words))
    find(words, NAMES)


def operators_files(content: bytes) -> None:
    text = text_of(content)
    with suppress(TomlError):
        overrides = read_overrides(text)
        for name in overrides.series.values():
            overrides.renamed(name)
    with suppress(ValueError):
        read_pages(text)
    with suppress(ValueError):
        read_cron(text)
        assert next_time(text, NOW) > NOW
    if "\x00" not in text:
        for name in ("bot_api_url", "feed_url", "pages", "webhook_url", "database_url", "admin_chat_ids"):
            with suppress(SettingsError):
                read_settings(_env_file=None, **{name: text})


def webhook(content: bytes) -> None:
    update = update_in(content[:LARGEST])
    if update is not None:
        assert isinstance(update["update_id"], int)
        with suppress(UnreadableUpdateError):
            update_from(update, BOT)


def imports(content: bytes) -> None:
    """What `export chats` printed, damaged: all of it or nothing, with a reason."""
    try:
        records = [json.loads(line) for line in text_of(content).splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return
    asyncio.run(_import(records, _empty()))


def web(content: bytes) -> None:
    """Signed data, direct links, and excerpts as HTML of a page and of a feed."""
    text = text_of(content)
    with suppress(ForgedInitDataError):
        read_init_data(text, BOT.token, NOW)
    for payload in (text, f"w_{text}"):
        path = app_start_path(payload)
        assert path is None or path.startswith("/")
    for formula in (page_formula, feed_formula):
        html = excerpt_html(text, formula)
        assert "<script" not in html
        assert units(Markup(html).striptags()) <= 3 * EXCERPT_UNITS
    ET.fromstring(f"<div>{xml_text(excerpt_html(text, feed_formula))}</div>".encode("utf-8", "replace"))


async def _import(records: list[Mapping[str, object]], empty: Path) -> None:
    with TemporaryDirectory() as folder:
        shutil.copyfile(empty, Path(folder) / "kexue.db")
        database = await open_database(f"sqlite+aiosqlite:///{folder}/kexue.db")
        try:
            with suppress(UnknownRecordError):
                await database.write(lambda tx: restore(tx, records, NOW))
        finally:
            await database.close()


@cache
def _empty() -> Path:
    """A database without rows, made once."""
    file = Path(mkdtemp(prefix="kexue-fuzz-")) / "empty.db"

    async def make() -> None:
        await (await open_database(f"sqlite+aiosqlite:///{file}")).close()

    asyncio.run(make())
    return file


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        layouts, answers_of_the_blog, redirects, robots, titles, formulas, cards, buttons, questions,
        operators_files, webhook, imports, web,
    )
}  # fmt: skip
