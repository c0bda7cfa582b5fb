"""Links: addresses of posts, searches and papers, and deep links to the bot's cards and lists.

A deep link carries only ids, which are looked up when it is opened.
"""

import re
from typing import Final
from urllib.parse import quote

from bot.callbacks.actions import (
    Action,
    SearchPage,
    SeriesIndex,
    Settings,
    ShowPost,
    ShowScope,
    Subscriptions,
)
from bot.callbacks.codec import LARGEST
from bot.site_profile import KEXUE, SiteProfile
from bot.text_sanitizer import one_line
from storage.model import Post

SHARED: Final = (
    100  # characters of a title in the address of a button: all buttons together have 10,000 bytes
)
SEARCHED: Final = 200  # characters: longer words find nothing, and Telegram refuses long markup
_PAYLOAD: Final = re.compile(r"([a-z])_(0|[1-9][0-9]{0,18})")


def post_url(post: Post, site: SiteProfile = KEXUE) -> str:
    """Return the post's address; the blog's search for its title if the archive id is unknown."""
    if post.archive_id is not None:
        return site.post_url(post.archive_id)
    return search_url(post.title, site)


def search_url(words: str, site: SiteProfile = KEXUE) -> str:
    """Return the address of the blog's search for the first `SEARCHED` characters, percent-encoded."""
    return site.search_url(" ".join(words.split())[:SEARCHED])


def paper_urls(title: str) -> tuple[tuple[str, str], ...]:
    """Return where a paper of this title can be searched for: (name of the place, address)."""
    wanted = quote(" ".join(title.split()), safe="")
    return (
        ("Cool Papers", f"https://papers.cool/arxiv/search?query={wanted}"),
        ("arXiv", f"https://arxiv.org/search/?query={wanted}&searchtype=title"),
    )


def start_payload(action: Action) -> str | None:
    """Return the `?start=` payload of `action` (1-64 of A-Za-z0-9_-); None if it has no deep link."""
    match action:
        case ShowPost(post):
            return f"p_{post}"
        case ShowScope(scope):
            return f"s_{scope}"
        case SearchPage(phrase):
            return f"q_{phrase}"
        case SeriesIndex(page):
            return f"i_{page}"
        case Settings(int(destination)):
            return f"o_{destination}"
        case Subscriptions(destination=int(destination)):
            return f"b_{destination}"
        case _:
            return None


def decode_start(payload: str) -> Action | None:
    """Return the action of a `?start=` payload; None if it is unknown."""
    found = _PAYLOAD.fullmatch(payload)
    if found is None or int(found[2]) > LARGEST:
        return None
    number = int(found[2])
    match found[1]:
        case "p":
            return ShowPost(number)
        case "s":
            return ShowScope(number)
        case "q":
            return SearchPage(number)
        case "i":
            return SeriesIndex(number)
        case "o":
            return Settings(number)
        case "b":
            return Subscriptions(destination=number)
        case _:
            return None


def deep_link(bot: str | None, action: Action) -> str | None:
    """Return the address that opens `action` in the bot named `bot`; None without a name or payload."""
    payload = start_payload(action)
    return f"https://t.me/{bot}?start={payload}" if bot and payload else None


def share_link(bot: str | None, post: Post, site: SiteProfile = KEXUE) -> str:
    """Return the address that shares a post: its card in the bot, or the blog's page."""
    title = one_line(post.title)[:SHARED]
    page = site.post_url(post.archive_id) if post.archive_id is not None else search_url(title, site)
    address = deep_link(bot, ShowPost(post.id)) or page
    return f"https://t.me/share/url?url={quote(address, safe='')}&text={quote(title, safe='')}"


def group_link(bot: str | None) -> str | None:
    """Return the address that adds the bot to a group."""
    return f"https://t.me/{bot}?startgroup=1" if bot else None
