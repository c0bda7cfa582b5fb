"""Parser of references to a post in plain text: an address on any of the blog's hosts, or its number."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from bot.site_profile import ID, SiteProfile

_ADDRESS = re.compile(
    r"(?:https?://)?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,}(?::[0-9]{1,5})?)(?P<path>/[^\s]*)"
)
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class PostReference:
    """The number of a post in the addresses of the blog; `explicit` if it came in an address."""

    number: int
    explicit: bool = True


def find_post(text: str, site: SiteProfile) -> PostReference | None:
    """Return the first post that `text` refers to; a bare number must be the whole text.

    Query, fragment and comment pages behind the number are ignored.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    base = urlsplit(site.home).path
    for address in _ADDRESS.finditer(text):
        if site.has_host(address["host"]) and (found := _path(base + site.permalink).match(address["path"])):
            return PostReference(int(found["id"]))
    if found := _path(base + site.permalink).match(text if text.startswith("/") else f"/{text}"):
        return PostReference(int(found["id"]))
    if _NUMBER.fullmatch(text):
        return PostReference(int(text), explicit=False)
    return None


@cache
def _path(permalink: str) -> re.Pattern[str]:
    before, _, after = permalink.rstrip("/").partition(ID)
    return re.compile(rf"{re.escape(before)}(?P<id>[0-9]{{1,9}})(?![0-9]){re.escape(after)}", re.IGNORECASE)
