"""Feeds of the archive: Atom (RFC 4287), RSS 2.0, JSON Feed 1.1, and OPML 2.0 of all series."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.messages.links import post_url
from bot.site_profile import SiteProfile
from bot.web.content import excerpt_html, feed_formula
from storage.model import Post, PostId

ATOM = "http://www.w3.org/2005/Atom"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
CONTENT_TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "opml": "text/x-opml; charset=utf-8",
}
MOST = 30  # entries of a feed
FORBIDDEN = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed holds. `home` is the page of the same posts, `address` the feed itself.

    `identity` is the path of `home`, the same whatever the host; `edits` are the times of edited posts.
    """

    title: str
    home: str
    address: str
    identity: str
    site: SiteProfile
    posts: Sequence[Post]
    edits: Mapping[PostId, datetime]

    @property
    def language(self) -> str | None:
        """Return the language of the posts."""
        return self.site.languages[0] if self.site.languages else None

    @property
    def authority(self) -> str:
        """Return the host of the tag URIs (RFC 4151)."""
        return urlsplit(self.site.home).hostname or ""

    def published(self, post: Post) -> datetime:
        """Return the start of the post's day on the blog; the first sighting where the day is unknown."""
        if post.date is None:
            return post.first_seen_at
        return datetime.combine(post.date, time(0), ZoneInfo(self.site.time_zone)).astimezone(UTC)

    def updated(self, post: Post) -> datetime:
        """Return the time of the last edit of title or excerpt; counts of readers are no edits."""
        return max(self.published(post), self.edits.get(post.id, self.published(post)))

    @property
    def newest(self) -> datetime:
        """Return the time of the last entry or edit; the epoch for a feed without entries."""
        return max((self.updated(post) for post in self.posts), default=datetime.fromtimestamp(0, UTC))


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
    SubElement(SubElement(root, "head"), "title").text = xml_text(title)
    body = SubElement(root, "body")
    for name, feed, page in outlines:
        shown = xml_text(name)
        SubElement(body, "outline", type="rss", text=shown, title=shown, xmlUrl=feed, htmlUrl=page)
    return _xml(root)


def _identity(feed: Feed, post: Post) -> str:
    return f"tag:{feed.authority},{post.first_seen_at:%Y-%m-%d}:post/{post.id}"


@lru_cache(maxsize=4 * MOST)
def _excerpt(excerpt: str) -> Markup:
    return excerpt_html(excerpt, feed_formula)


def _content(post: Post, feed: Feed) -> str:
    origin = Markup('<a href="{}">{}</a>').format(post_url(post, feed.site), feed.site.author)
    parts = [origin, Markup("{}").format(feed.site.licence)] if feed.site.licence else [origin]
    note = Markup("<p><small>{}</small></p>").format(Markup(" · ").join(parts))
    return _excerpt(post.excerpt) + note


def _atom(feed: Feed) -> Element:
    root = Element("feed", xmlns=ATOM)
    if feed.language:
        root.set("xml:lang", feed.language)
    SubElement(root, "id").text = f"tag:{feed.authority},2026:feed{feed.identity}"
    SubElement(root, "title").text = xml_text(feed.title)
    SubElement(root, "updated").text = rfc3339(feed.newest)
    SubElement(root, "link", rel="self", href=feed.address, type="application/atom+xml")
    SubElement(root, "link", rel="alternate", href=feed.home, type="text/html")
    SubElement(SubElement(root, "author"), "name").text = feed.site.author
    if feed.site.licence:
        SubElement(root, "rights").text = feed.site.licence
    for post in feed.posts:
        entry = SubElement(root, "entry")
        SubElement(entry, "id").text = _identity(feed, post)
        SubElement(entry, "title").text = xml_text(post.title)
        SubElement(entry, "link", rel="alternate", href=post_url(post, feed.site))
        SubElement(entry, "published").text = rfc3339(feed.published(post))
        SubElement(entry, "updated").text = rfc3339(feed.updated(post))
        for tag in post.tags or ():
            SubElement(entry, "category", term=xml_text(tag))
        SubElement(entry, "content", type="html").text = xml_text(_content(post, feed))
    return root


def _rss(feed: Feed) -> Element:
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM, "xmlns:dc": DUBLIN_CORE})
    channel = SubElement(root, "channel")
    SubElement(channel, "title").text = xml_text(feed.title)
    SubElement(channel, "link").text = feed.home
    SubElement(channel, "description").text = ", ".join(filter(None, (feed.site.author, feed.site.licence)))
    if feed.language:
        SubElement(channel, "language").text = feed.language
    if feed.site.licence:
        SubElement(channel, "copyright").text = feed.site.licence
    SubElement(channel, "lastBuildDate").text = format_datetime(feed.newest)
    SubElement(channel, "atom:link", rel="self", href=feed.address, type="application/rss+xml")
    for post in feed.posts:
        item = SubElement(channel, "item")
        SubElement(item, "title").text = xml_text(post.title)
        SubElement(item, "link").text = post_url(post, feed.site)
        SubElement(item, "guid", isPermaLink="false").text = _identity(feed, post)
        SubElement(item, "dc:creator").text = feed.site.author
        SubElement(item, "pubDate").text = format_datetime(feed.published(post))
        SubElement(item, "atom:updated").text = rfc3339(feed.updated(post))
        for tag in post.tags or ():
            SubElement(item, "category").text = xml_text(tag)
        SubElement(item, "description").text = xml_text(_content(post, feed))
    return root


def _json(feed: Feed) -> dict[str, object]:
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.address,
        **({"language": feed.language} if feed.language else {}),
        "authors": [{"name": feed.site.author, "url": feed.site.home}],
        "items": [
            {
                "id": _identity(feed, post),
                "url": post_url(post, feed.site),
                "title": post.title,
                "content_html": _content(post, feed),
                "date_published": rfc3339(feed.published(post)),
                "date_modified": rfc3339(feed.updated(post)),
                "tags": list(post.tags or ()),
            }
            for post in feed.posts
        ],
    }


def rfc3339(at: datetime) -> str:
    """Return an instant to the second, as feeds write it."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _xml(root: Element) -> bytes:
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def xml_text(text: str) -> str:
    """Return the text without the characters that XML 1.0 forbids."""
    return FORBIDDEN.sub("", text)
