"""Preview of messages as an HTML page or a PNG, for operators and the README.

The page is made from the Bot API payload, so that it shows exactly the request that would be sent.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from bot.archive_queries import card_facts, episode_line, latest_page, series_page, tag_page
from bot.delivery.composer import news_of
from bot.messages.cards import announcement, card
from bot.messages.digests import Digest, Entry, Period, digest
from bot.messages.elements import PER_PAGE
from bot.messages.i18n import Words, words_for
from bot.messages.post_lists import latest
from bot.messages.scope_pages import scope_view, series_view
from bot.messages.settings import settings_menu
from bot.render import Rendered, render
from bot.render.document import Message
from bot.search.index import build
from bot.search.names import Exact
from bot.search.names import find as find_name
from bot.search.ranker import search
from bot.settings import Settings
from bot.wiring import site_of
from storage.database import Transaction, open_database
from storage.model import Form, Post, PostId, Preferences, ScopeKind

ENDINGS: Final = (".html", ".png")
KINDS: Final = ("announcement", "card", "digest", "list", "settings")
BOT: Final = "kexue_bot"  # links in a preview need some username


class NoSuchPostError(Exception):
    """Error for a query that matches no stored post; the text says what to do."""


async def preview(settings: Settings, wanted: str, *, language: str, kind: str) -> tuple[str, str]:
    """Return the title of what `wanted` names, and a page with its message of `kind` (one of KINDS).

    Raises NoSuchPostError, SettingsError and UnusableDatabaseError.
    """
    words = words_for(language, site_of(settings))
    database = await open_database(settings.database_address())
    try:
        title, message = await database.read(lambda tx: _message(tx, wanted, words, kind))
    finally:
        await database.close()
    return title, page([Shot(name=title, message=message)], title=title)


def write(shown: str, out: Path) -> None:
    """Write a page, or a picture of it if the name ends in .png. Raises NoPictureError and OSError."""
    if out.suffix.lower() == ".png":
        take_picture(shown, out)
    else:
        out.write_text(shown, encoding="utf-8")


async def _message(tx: Transaction, wanted: str, words: Words, kind: str) -> tuple[str, Message]:
    match kind:
        case "settings":
            return kind, settings_menu(Preferences(language=words.language), words)
        case "digest":
            posts = tuple(reversed(await tx.posts.latest(PER_PAGE)))
            if not posts:
                raise NoSuchPostError("no post is stored: ingest a dump first")
            day = max(
                (post.date for post in posts if post.date), default=posts[-1].first_seen_at.date()
            ) + timedelta(days=1)
            entries = tuple(Entry(post=post, title=episode_line(post).title) for post in posts)
            return kind, digest(Digest(period=Period.WEEK, day=day, entries=entries, delivery=1), words)
        case "list":
            return await _list_message(tx, wanted, words)
        case _:
            post = await _find(tx, wanted)
            facts = replace(await card_facts(tx, post, bot=BOT), saved=False, read=False)
            if kind == "card":
                return post.title, card(facts, words)
            return post.title, announcement(facts, words, news=news_of(post))


async def _list_message(tx: Transaction, wanted: str, words: Words) -> tuple[str, Message]:
    """Return the page of the series or tag called `wanted`; without a name the latest posts."""
    if not wanted:
        return "list", latest(await latest_page(tx, 1), words, bot=BOT)
    for kind in (ScopeKind.SERIES, ScopeKind.TAG):
        scopes = {one.scope.key: one.scope for one in await tx.scopes.counted(kind)}
        match find_name(wanted, [(key, scope.name) for key, scope in scopes.items()]):
            case Exact((key, _)) if kind is ScopeKind.SERIES:
                facts, entries = await series_page(tx, scopes[key], 1, subscribed=False)
                return scopes[key].name, series_view(facts, entries, words, bot=BOT)
            case Exact((key, _)):
                shown, inferred = await tag_page(tx, scopes[key], 1)
                return scopes[key].name, scope_view(scopes[key], shown, words, inferred=inferred, bot=BOT)
            case _:
                pass
    raise NoSuchPostError(f"no series or tag is called {wanted!r}: leave the name out for the latest posts")


async def _find(tx: Transaction, wanted: str) -> Post:
    """Return the post by its id, by its archive id on the blog, or the best search hit for the words.

    The newest one if nothing is `wanted`.
    """
    if not wanted and (newest := await tx.posts.latest(1)):
        return newest[0]
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 else None
    if number is not None and (post := await tx.posts.get(PostId(number))) is not None:
        return post
    every = await tx.posts.everything()
    if number is not None and (named := [post for post in every if post.archive_id == number]):
        return named[0]
    if hits := search(build(every), wanted):
        return next(post for post in every if post.id == hits[0].post_id)
    raise NoSuchPostError(
        f"no stored post matches {wanted!r}: give its number, its archive id, or words of its title"
    )


_CORNERS = {"url": "↗", "web_app": "↗", "copy_text": "⧉", "switch_inline_query": "⤳"}
_STYLES = {"bold": "b", "italic": "i", "code": "code"}


def bubble(message: Rendered) -> str:
    """Return the message with the buttons below it."""
    if message.rich is not None:
        blocks = message.rich["blocks"]
        content = _blocks(blocks if isinstance(blocks, list) else [])
        kind = "rich"
    else:
        content = _classic(message.html) if message.markup else escape(message.html, quote=False)
        kind = "classic"
    return (
        f'<div class="message"><div class="bubble {kind}">{content}</div>{_keyboard(message.keyboard)}</div>'
    )


def _classic(html: str) -> str:
    """Return Telegram's HTML for a browser: a line end after a quote or a listing is part of it."""
    return html.replace("</blockquote>\n", "</blockquote>").replace("</pre>\n", "</pre>")


def _keyboard(keyboard: str | None) -> str:
    if keyboard is None:
        return ""
    markup = json.loads(keyboard)
    rows: Sequence[Sequence[Mapping[str, Any]]] = markup.get("inline_keyboard") or markup["keyboard"]
    shown = (f'<div class="row">{"".join(_button(button) for button in row)}</div>' for row in rows)
    return f'<div class="keyboard">{"".join(shown)}</div>'


def _button(button: Mapping[str, Any]) -> str:
    mark = next((f"<sup>{corner}</sup>" for kind, corner in _CORNERS.items() if kind in button), "")
    return f"<span>{escape(str(button['text']))}{mark}</span>"


def _blocks(blocks: Iterable[Mapping[str, Any]]) -> str:
    return "".join(_block(block) for block in blocks)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "paragraph" | "heading" | "footer" | "pre" as kind:
            tag = {"paragraph": "p", "heading": f"h{block.get('size')}"}.get(kind, kind)
            return f"<{tag}>{_text(block['text'])}</{tag}>"
        case "mathematical_expression":
            return f'<div class="tex" data-display="1">{escape(block["expression"])}</div>'
        case "blockquote":
            return f"<blockquote>{_blocks(block['blocks'])}</blockquote>"
        case "list":
            return _list(block["items"])
        case kind:
            raise ValueError(f"unsupported block type: {kind}")


def _list(items: Sequence[Mapping[str, Any]]) -> str:
    tag = "ol" if items and "type" in items[0] else "ul"
    numbers = (f' value="{int(item["value"])}"' if "value" in item else "" for item in items)
    lines = (f"<li{n}>{_blocks(item['blocks'])}</li>" for n, item in zip(numbers, items, strict=True))
    return f"<{tag}>{''.join(lines)}</{tag}>"


def _text(text: Any) -> str:
    if isinstance(text, str):
        return escape(text, quote=False)
    if isinstance(text, list):
        return "".join(_text(each) for each in text)
    match text["type"]:
        case "mathematical_expression":
            return f'<span class="tex">{escape(text["expression"])}</span>'
        case "url":
            return f'<a href="{escape(text["url"])}">{_text(text["text"])}</a>'
        case kind:
            tag = _STYLES[kind]
            return f"<{tag}>{_text(text['text'])}</{tag}>"


_STYLE = """
* { box-sizing: border-box }
body { margin: 0; padding: 28px; width: max-content; background: #d5dfd3;
  font: 15px/1.42 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #111 }
h2.caption { font-size: 13px; font-weight: 600; color: #55645a; margin: 0 0 10px }
.pair { display: flex; gap: 28px; align-items: flex-start; margin-bottom: 34px }
.side { width: 400px } .side > small { display: block; color: #6b7a70; margin-bottom: 6px }
.bubble { background: #fff; border-radius: 14px 14px 14px 4px; padding: 8px 12px 10px;
  box-shadow: 0 1px 2px #0002; overflow-wrap: anywhere }
.classic { white-space: pre-wrap }
a { color: #2678b6; text-decoration: none }
blockquote { margin: 3px 0; padding: 3px 8px 4px 10px; background: #eaf3fa; border-left: 3px solid #3b8ac4;
  border-radius: 4px }
code, pre { font: 13px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; color: #35586c }
pre { background: #f1f4f6; padding: 6px 8px; border-radius: 4px; margin: 4px 0; white-space: pre-wrap }
.rich p { margin: 5px 0; white-space: pre-line }
.rich h1, .rich h2, .rich h3, .rich h4, .rich h5, .rich h6 { margin: 4px 0; line-height: 1.3 }
.rich h1 { font-size: 20px } .rich h2 { font-size: 18px } .rich h3 { font-size: 16.5px }
.rich h4, .rich h5, .rich h6 { font-size: 15px }
.rich footer { color: #7c868c; font-size: 13px; margin-top: 6px; white-space: pre-line }
.rich ul, .rich ol { margin: 4px 0; padding-left: 26px } .rich li p { margin: 2px 0 }
.tex[data-display] { margin: 6px 0; text-align: center; overflow-x: auto; overflow-y: hidden }
.keyboard { margin-top: 4px } .row { display: flex; gap: 4px; margin-bottom: 4px }
.row span { flex: 1; min-width: 0; text-align: center; padding: 7px 4px; border-radius: 8px; color: #fff;
  background: #5f7f6fcc; font-size: 14px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.row sup { font-size: 9px; margin-left: 3px }
"""

# KaTeX sets the number of a formula at the edge of what is seen, over the end of a wide one.
_NUMBER = ".tex .katex-html:has(> .katex-tag) { width: max-content; min-width: 100%; padding-right: 3.5em }"

_TYPESET = """
document.querySelectorAll(".tex").forEach(place => katex.render(place.textContent, place,
  {displayMode: "display" in place.dataset, throwOnError: false, errorColor: "#35586c", strict: false}));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Message with its caption on the page."""

    name: str
    message: Message


def page(shots: Sequence[Shot], *, title: str, forms: Sequence[Form] = (Form.RICH, Form.CLASSIC)) -> str:
    """Return a page with each message in each of `forms`, in columns."""
    pairs = "".join(_pair(shot, forms) for shot in shots)
    style, script = (
        (_katex("katex.css") + _NUMBER, _katex("katex.min.js")) if 'class="tex"' in pairs else ("", "")
    )
    typeset = f"<script>{script}</script><script>{_TYPESET}</script>" if script else ""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{style}{_STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{pairs}{typeset}</body></html>\n"


def _pair(shot: Shot, forms: Sequence[Form]) -> str:
    sides = "".join(
        f'<div class="side"><small>{form}</small>{bubble(render(shot.message, form))}</div>' for form in forms
    )
    return f'<h2 class="caption">{escape(shot.name)}</h2><div class="pair">{sides}</div>'


@cache
def _katex(name: str) -> str:
    return (files("bot.preview") / "katex" / name).read_text(encoding="utf-8")


BROWSERS: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
)  # fmt: skip
TIMEOUT_SECONDS: Final = 60.0
_SIZE = re.compile(r'<html[^>]* data-size="(\d+)x(\d+)"')
# The size is measured first, because a screenshot has the size of the window, not of the page.
_MEASURE = (
    "<script>document.documentElement.dataset.size = "
    "document.body.scrollWidth + 'x' + document.body.scrollHeight</script>"
)


class NoPictureError(Exception):
    """Error for a failed screenshot; the text gives the reason and the fix."""


def find() -> str | None:
    """Return the path of the first installed browser that can take a screenshot."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def take_picture(page: str, out: Path, *, scale: int = 2) -> None:
    """Write `page` as a PNG with `scale` device pixels per CSS pixel. Raises NoPictureError."""
    browser = find()
    if browser is None:
        raise NoPictureError(
            "a picture needs Chromium or Chrome, which is not installed: "
            "install it, or ask for a page with --out FILE.html"
        )
    with tempfile.TemporaryDirectory(prefix="kexue-preview-") as folder:
        source = Path(folder) / "page.html"
        source.write_text(page.replace("</body>", f"{_MEASURE}</body>"), encoding="utf-8")
        common = [browser, "--headless", "--disable-gpu", "--hide-scrollbars"]
        common.append(f"--user-data-dir={folder}/user")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            common.append("--no-sandbox")  # Chromium refuses to run as root with its sandbox
        address = source.as_uri()
        measured = _SIZE.search(_run([*common, "--window-size=1000,800", "--dump-dom", address]))
        if measured is None:
            raise NoPictureError(f"{browser} did not report the size of the page")
        window = f"--window-size={measured[1]},{measured[2]}"
        shot = Path(folder) / "page.png"
        _run([*common, window, f"--force-device-scale-factor={scale}", f"--screenshot={shot}", address])
        if not shot.exists():
            raise NoPictureError(f"{browser} took no picture")
        shutil.copyfile(shot, out)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)  # noqa: S603 - found above
    except subprocess.SubprocessError as error:
        raise NoPictureError(f"{command[0]} failed: {error}") from error
    return done.stdout.decode("utf-8", "replace")
