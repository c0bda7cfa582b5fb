"""Links: addresses of posts, searches and papers, deep links to the bot's cards and lists, web pages.

A deep link carries only ids, which are looked up when it is opened, or the words of a search.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from bot.callbacks import actions
from bot.callbacks.actions import Action
from bot.callbacks.codec import LARGEST
from bot.site_profile import KEXUE, SiteProfile
from bot.text_sanitizer import one_line
from storage.model import Post

SHARED: Final = 100  # characters of a title in a button's address: all buttons have 10,000 bytes together
SEARCHED: Final = 200  # characters: longer words find nothing, and Telegram refuses long markup
_PAYLOAD: Final = re.compile(r"([a-z])_(0|[1-9][0-9]{0,18})")
_APP_PAYLOAD: Final = 512  # characters of a `startapp` parameter (core.telegram.org/bots/webapps)
_APP_SEARCH: Final = "w_"  # opens a `startapp` parameter that holds the words of a search, in base64url


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
        case actions.ShowPost(post):
            return f"p_{post}"
        case actions.ShowScope(scope):
            return f"s_{scope}"
        case actions.SearchPage(phrase):
            return f"q_{phrase}"
        case actions.SeriesIndex(page):
            return f"i_{page}"
        case actions.Settings(int(destination)):
            return f"o_{destination}"
        case actions.Subscriptions(destination=int(destination)):
            return f"b_{destination}"
        case _:
            return None


def decode_start(payload: str) -> Action | None:
    """Return the action of a `?start=` payload; None if it is unknown."""
    found = _PAYLOAD.fullmatch(payload)
    if found is None or int(found[2]) > LARGEST:
        return None
    number = int(found[2])
    known: dict[str, Action] = {
        "p": actions.ShowPost(number),
        "s": actions.ShowScope(number),
        "q": actions.SearchPage(number),
        "i": actions.SeriesIndex(number),
        "o": actions.Settings(number),
        "b": actions.Subscriptions(destination=number),
    }
    return known.get(found[1])


def deep_link(bot: str | None, action: Action) -> str | None:
    """Return the address that opens `action` in the bot named `bot`; None without a name or payload."""
    payload = start_payload(action)
    return f"https://t.me/{bot}?start={payload}" if bot and payload else None


def share_link(bot: str | None, post: Post, site: SiteProfile = KEXUE) -> str:
    """Return the address that shares a post: its card in the bot, or the blog's page."""
    title = one_line(post.title)[:SHARED]
    page = site.post_url(post.archive_id) if post.archive_id is not None else search_url(title, site)
    address = deep_link(bot, actions.ShowPost(post.id)) or page
    return f"https://t.me/share/url?url={quote(address, safe='')}&text={quote(title, safe='')}"


def bot_link(bot: str | None) -> str | None:
    """Return the address of the private chat with the bot."""
    return f"https://t.me/{bot}" if bot else None


def group_link(bot: str | None) -> str | None:
    """Return the address that adds the bot to a group."""
    return f"https://t.me/{bot}?startgroup=1" if bot else None


@dataclass(frozen=True, slots=True)
class WebPages:
    """The public web pages at `url`; `app` is the bot, if it has a main Mini App that shows them."""

    url: str
    app: str | None = None

    def address(self, page: Action | str, *, private: bool) -> str | None:
        """Return the address of the page of an action, or of a search for words; None if there is none.

        Where Mini Apps have no buttons, that is outside private chats, it is a link to the Mini App.
        """
        path = search_path(page) if isinstance(page, str) else page_path(page)
        if path is None:
            return None
        return (not private and app_link(self.app, page)) or self.url + path


def page_path(action: Action) -> str | None:
    """Return the path below WEB_URL of the page that shows what `action` shows; None if there is none."""
    match action:
        case actions.ShowPost(post):
            return f"/post/{post}"
        case actions.ShowScope(scope):
            return f"/scope/{scope}"
        case actions.Latest():
            return "/"
        case actions.SeriesIndex():
            return "/series"
        case actions.TagIndex():
            return "/tag"
        case actions.CategoryIndex():
            return "/category"
        case actions.Archive(int(year), int(month)):
            return f"/archive/{year:04}-{month:02}"
        case actions.Archive():
            return "/archive"
        case actions.Settings(destination) | actions.Subscriptions(destination=destination):
            return "/me" if destination is None else f"/me?chat={destination}"
        case actions.Saved():
            return "/me"
        case _:
            return None


def search_path(words: str) -> str:
    """Return the path below WEB_URL of the page of a search."""
    return f"/search?q={quote(' '.join(words.split())[:SEARCHED], safe='')}"


def app_link(bot: str | None, action: Action | str) -> str | None:
    """Return the direct link to the page of `action`, or of a search for words, in the Mini App of `bot`.

    It opens from groups too, where `web_app` buttons are not allowed, if the bot has a main Mini App.
    """
    if isinstance(action, str):
        kept = " ".join(action.split())[:SEARCHED].encode("utf-8", "replace")[: (_APP_PAYLOAD - 2) * 3 // 4]
        whole = kept.decode("utf-8", "ignore").encode()
        payload: str | None = _APP_SEARCH + urlsafe_b64encode(whole).decode().rstrip("=")
    else:
        payload = start_payload(action)
    return f"https://t.me/{bot}?startapp={payload}" if bot and payload else None


def app_start_path(payload: str) -> str | None:
    """Return the path of the page that the `startapp` parameter `payload` names; None if it is unknown."""
    if payload.startswith(_APP_SEARCH) and len(payload) <= _APP_PAYLOAD:
        encoded = payload.removeprefix(_APP_SEARCH)
        try:
            return search_path(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        except ValueError:
            return None
    action = decode_start(payload)
    return None if action is None else page_path(action)
