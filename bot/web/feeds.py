"""Feeds of the archive: Atom (RFC 4287), RSS 2.0, JSON Feed 1.1, and OPML 2.0 of all series."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from email.utils import format_datetime
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.web.content import excerpt_html, feed_formula
from storage.model import Post

ATOM = "http://www.w3.org/2005/Atom"
BLOG_ZONE = ZoneInfo("Asia/Shanghai")  # a post's date is a day in this zone
CONTENT_TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "opml": "text/x-opml; charset=utf-8",
}
MOST = 50  # entries of a feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed holds. `home` is the page of the same posts, `address` the feed itself."""

    title: str
    home: str
    address: str
    author: str
    licence: str
    posts: Sequence[tuple[Post, str]]  # with the address on the blog
    identity: str  # host of the tag URIs (RFC 4151)


def write_feed(feed: Feed, kind: str) -> bytes:
    """Return the feed in the format `kind`: atom, rss or json."""
    match kind:
        case "atom":
            return _xml(_atom(feed))
        case "rss":
            return _xml(_rss(feed))
        case "json":
            return json.dumps(_json(feed), ensure_ascii=False, indent=1).encode()
        case _:
            raise ValueError(f"unknown feed format: {kind}")


def write_opml(title: str, outlines: Sequence[tuple[str, str, str]]) -> bytes:
    """Return the subscription list of (title, feed address, page address)."""
    root = Element("opml", version="2.0")
    SubElement(SubElement(root, "head"), "title").text = _clean(title)
    body = SubElement(root, "body")
    for name, feed, page in outlines:
        SubElement(body, "outline", type="rss", text=_clean(name), xmlUrl=feed, htmlUrl=page)
    return _xml(root)


def published(post: Post) -> datetime:
    """Return the start of the post's day on the blog; the first sighting where the day is unknown."""
    if post.date is None:
        return post.first_seen_at
    return datetime.combine(post.date, time(0), BLOG_ZONE).astimezone(UTC)


def updated(post: Post) -> datetime:
    """Return the time of the last visible edit; counts of readers are no edits."""
    return max(
        [published(post), *(at for at in (post.title_at, post.excerpt_at) if at is not None and post.aliases)]
    )


def _identity(feed: Feed, post: Post) -> str:
    return f"tag:{feed.identity},{post.first_seen_at:%Y-%m-%d}:post/{post.id}"


def _content(post: Post, address: str, feed: Feed) -> str:
    note = Markup('<p><small><a href="{}">{}</a> · {}</small></p>').format(address, feed.author, feed.licence)
    return excerpt_html(post.excerpt, feed_formula) + note


def _atom(feed: Feed) -> Element:
    root = Element("feed", xmlns=ATOM)
    SubElement(root, "id").text = f"tag:{feed.identity},2026:feed{feed.home}"
    SubElement(root, "title").text = _clean(feed.title)
    newest = max((updated(post) for post, _ in feed.posts), default=datetime(2009, 1, 1, tzinfo=UTC))
    SubElement(root, "updated").text = newest.isoformat()
    SubElement(root, "link", rel="self", href=feed.address, type="application/atom+xml")
    SubElement(root, "link", rel="alternate", href=feed.home, type="text/html")
    SubElement(SubElement(root, "author"), "name").text = feed.author
    SubElement(root, "rights").text = feed.licence
    for post, address in feed.posts:
        entry = SubElement(root, "entry")
        SubElement(entry, "id").text = _identity(feed, post)
        SubElement(entry, "title").text = _clean(post.title)
        SubElement(entry, "link", rel="alternate", href=address)
        SubElement(entry, "published").text = published(post).isoformat()
        SubElement(entry, "updated").text = updated(post).isoformat()
        for tag in post.tags or ():
            SubElement(entry, "category", term=_clean(tag))
        SubElement(entry, "content", type="html").text = _clean(_content(post, address, feed))
    return root


def _rss(feed: Feed) -> Element:
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = SubElement(root, "channel")
    SubElement(channel, "title").text = _clean(feed.title)
    SubElement(channel, "link").text = feed.home
    SubElement(channel, "description").text = f"{feed.author}, {feed.licence}"
    SubElement(channel, "atom:link", rel="self", href=feed.address, type="application/rss+xml")
    for post, address in feed.posts:
        item = SubElement(channel, "item")
        SubElement(item, "guid", isPermaLink="false").text = _identity(feed, post)
        SubElement(item, "title").text = _clean(post.title)
        SubElement(item, "link").text = address
        SubElement(item, "pubDate").text = format_datetime(published(post))
        for tag in post.tags or ():
            SubElement(item, "category").text = _clean(tag)
        SubElement(item, "description").text = _clean(_content(post, address, feed))
    return root


def _json(feed: Feed) -> dict[str, object]:
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.address,
        "authors": [{"name": feed.author}],
        "items": [
            {
                "id": _identity(feed, post),
                "url": address,
                "title": post.title,
                "content_html": _content(post, address, feed),
                "date_published": published(post).isoformat(),
                "date_modified": updated(post).isoformat(),
                "tags": list(post.tags or ()),
            }
            for post, address in feed.posts
        ],
    }


def _xml(root: Element) -> bytes:
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def _clean(text: str) -> str:
    """Return the text without the characters that XML 1.0 forbids."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
