"""Profile of the followed blog: names, hosts, addresses and CSS selectors of its theme.

`KEXUE` is the built-in default; `read_site_profile` reads another profile from a TOML file (SITE_FILE).
Instances are hashable, so compiled patterns can be cached per profile.
"""

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import SplitResult, quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ID = "{id}"
MAX_FIELD = 500  # characters of one value
_UNREWRITTEN = "/index.php"
_SELECTORS = "selectors"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?")

_PLACE = re.compile(r"at line (\d+)")  # of a syntax error


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectors:
    """CSS selectors of the theme; the defaults are those of Typecho's default theme."""

    block: str = "article.post, div.post"  # one post on a list page or the home page
    title: str = ".post-title a, h2 a"  # the link with a post's title inside its block
    post_title: str = "h1.post-title, .post-title"  # the title on a post's own page
    post_body: str = ".post-content"  # the text, in a block and on a post's own page
    date: str = "time[datetime], time"
    category: str = '.post-meta a[href*="/category/"]'
    tags: str = '.tags a, a[href*="/tag/"]'
    comments: str = '.post-meta a[href$="#comments"], #comments h3'


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteProfile:
    """One blog. `home` is the canonical root address without a trailing slash.

    `feed`, `archive` and `list_page` are paths below `home`; an empty one means that the blog has none.
    `permalink` contains `{id}`, `search` contains `{words}`, `list_page` contains `{page}`.
    """

    name: str
    author: str
    home: str
    name_en: str = ""  # empty: `name`
    author_en: str = ""  # empty: `author`
    licence: str = ""
    hosts: frozenset[str] = frozenset()  # in small letters; one without a port matches every port
    languages: tuple[str, ...] = ("zh", "en")  # of the texts, for Accept-Language
    permalink: str = "/archives/{id}/"
    search: str = "/search/{words}/"
    feed: str = "/feed/"
    archive: str = ""  # the page of all posts
    list_page: str = "/page/{page}/"
    by: str = "By"  # opens the By line of a text capture
    readers: str = "位读者"  # follows the count of readers in the By line
    key_prefix: str = ""  # of BibTeX keys; empty: letters and digits of the canonical host
    time_zone: str = "Asia/Shanghai"  # of the days that its pages print
    selectors: Selectors | None = None  # None: the theme of 科学空间, whose parsers are built in

    @property
    def host(self) -> str:
        """Return the canonical host, with its port where the address has one."""
        return urlsplit(self.home).netloc

    @property
    def citation_prefix(self) -> str:
        """Return the prefix of BibTeX keys."""
        return self.key_prefix or re.sub("[^a-z0-9]", "", self.host)

    def title_in(self, language: str) -> str:
        """Return the blog's name in `language`: English has one of its own."""
        return (self.name_en if language == "en" else "") or self.name

    def author_in(self, language: str) -> str:
        """Return the author's name in `language`: English has one of its own."""
        return (self.author_en if language == "en" else "") or self.author

    def address(self, path: str) -> str:
        """Return the absolute address of `path` on the canonical host."""
        return self.home + path

    def path_of(self, path: str) -> str:
        """Return `path` below the path of `home`."""
        return urlsplit(self.home).path + path

    def post_path(self, archive_id: int) -> str:
        """Return the path of the post numbered `archive_id` on any host of the blog."""
        return urlsplit(self.home).path + self.permalink.replace(ID, str(archive_id))

    @property
    def post_path_pattern(self) -> str:
        """Return the pattern of a post's path, with or without `/index.php`.

        Typecho writes that where the server rewrites no addresses, and reads both where it does.
        """
        before, _, after = self.permalink.removeprefix(_UNREWRITTEN).rstrip("/").partition(ID)
        base = re.escape(urlsplit(self.home).path)
        return (
            rf"{base}(?:{re.escape(_UNREWRITTEN)})?{re.escape(before)}"
            rf"(?P<id>[0-9]{{1,9}})(?![0-9]){re.escape(after)}"
        )

    def post_url(self, archive_id: int) -> str:
        """Return the canonical address of the post numbered `archive_id`."""
        return self.home + self.permalink.replace(ID, str(archive_id))

    @property
    def all_posts(self) -> str:
        """Return the address of the page of all posts; without one that of the list pages, with `{page}`."""
        return self.home + (self.archive or self.list_page)

    def search_url(self, words: str) -> str:
        """Return the address of the blog's own search; all characters of `words` are percent-encoded."""
        return self.home + self.search.replace("{words}", quote(words, safe=""))

    def has_host(self, host: str) -> bool:
        """Return whether `host` ("name" or "name:port") is one of the blog's."""
        wanted = host.lower()
        return wanted in self.hosts or re.sub(r":[0-9]{1,5}\Z", "", wanted) in self.hosts

    def match_post(self, href: str | None) -> tuple[int, str] | None:
        """Return the number of the post that `href` links to and its address on the host of the link.

        Relative links get the canonical host. Return None for other pages, other hosts and links to a
        comment (`#comment-…`).
        """
        base = urlsplit(self.home).path
        found = _post_pattern(self.post_path_pattern).fullmatch((href or "").strip())
        if found is None or (found["fragment"] or "").startswith("comment-"):
            return None
        root = found["root"]
        if root is not None and not self.has_host(split_address(root).netloc):
            return None
        archive_id = int(found["id"])
        path = self.permalink.replace(ID, str(archive_id))
        return archive_id, self.home + path if root is None else f"{root.lower()}{base}{path}"


KEXUE = SiteProfile(
    name="科学空间",
    name_en="Scientific Spaces",
    author="苏剑林",
    author_en="Su Jianlin",
    licence="CC BY-NC-ND",
    home="https://kexue.fm",
    hosts=frozenset({"kexue.fm", "www.kexue.fm", "spaces.ac.cn", "www.spaces.ac.cn"}),
    permalink="/archives/{id}",
    feed="/feed",
    archive="/content.html",
    key_prefix="kexuefm",
)


def split_address(address: str) -> SplitResult:
    """Return the parts of an address that others wrote; empty parts if it is invalid."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


@cache
def _post_pattern(path: str) -> re.Pattern[str]:
    """Compile the address of a post on any host; a trailing slash is optional, a query is ignored."""
    return re.compile(
        rf"(?P<root>https?://[^/?#\s]+)?{path}/?(?:\?[^#]*)?(?:\#(?P<fragment>.*))?", re.IGNORECASE
    )


def read_site_profile(text: str) -> SiteProfile:
    """Parse a profile from TOML. Raises TomlError with the line of the first invalid value."""
    document = parse_toml(text)
    table = document.pop(_SELECTORS, {})
    if not isinstance(table, dict):
        raise TomlError(line_of(text, _SELECTORS), f"{_SELECTORS} must be a section, [{_SELECTORS}]")
    values = _values(text, SiteProfile, document)
    for required in ("name", "author", "home"):
        if not values.get(required):
            raise TomlError(1, f"{required!r} is missing: a profile needs name, author and home")
    selectors = Selectors(**_values(text, Selectors, table))
    _check_selectors(text, selectors)
    values["home"] = _checked_home(text, values["home"])
    profile = SiteProfile(**values, selectors=selectors)
    for key, place in (("permalink", ID), ("search", "{words}"), ("list_page", "{page}")):
        path: str = getattr(profile, key)
        if (path or key == "permalink") and path.count(place) != 1:
            raise TomlError(line_of(text, key), f"{key!r} must contain {place} once")
    _check_time_zone(text, profile.time_zone)
    for key in ("permalink", "search", "feed", "archive", "list_page"):
        path = getattr(profile, key)
        if path and (not path.startswith("/") or any(sign.isspace() for sign in path)):
            raise TomlError(line_of(text, key), f"{key!r} must be a path that begins with a slash")
    return _with_hosts(text, profile, values)


def _values(text: str, kind: type, table: dict[str, Any]) -> dict[str, Any]:
    """Return the values of `table` in the types of the dataclass `kind`."""
    types = get_type_hints(kind)
    expected = {each.name: types[each.name] for each in fields(kind) if each.name != _SELECTORS}
    values: dict[str, Any] = {}
    for name, value in table.items():
        wanted = expected.get(name)
        if wanted is None:
            raise TomlError(line_of(text, name), f"there is no key {name!r}; use {', '.join(expected)}")
        if wanted is str:
            values[name] = _string(text, name, value)
        else:
            if not isinstance(value, list) or get_args(wanted)[0] is not str:
                raise TomlError(line_of(text, name), f"{name!r} must be a list of texts")
            container: Any = get_origin(wanted)
            values[name] = container(_string(text, name, one) for one in value)
    return values


def _string(text: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TomlError(line_of(text, name), f"{name!r} must be a text in quotation marks")
    if len(value) > MAX_FIELD or not value.isprintable():
        raise TomlError(
            line_of(text, name), f"{name!r} must be one line of at most {MAX_FIELD} printable characters"
        )
    return value.strip()


def _checked_home(text: str, home: str) -> str:
    parts = split_address(home)
    valid = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc.lower()) is not None
    if not valid or parts.query or parts.fragment:
        raise TomlError(line_of(text, "home"), "'home' must be an address such as https://blog.example.org")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _with_hosts(text: str, profile: SiteProfile, values: dict[str, Any]) -> SiteProfile:
    hosts = frozenset(host.lower() for host in profile.hosts)
    for host in hosts:
        if _HOST.fullmatch(host) is None:
            raise TomlError(line_of(text, "hosts"), f"{host!r} in 'hosts' is no host name")
    values["hosts"] = hosts | {profile.host}
    return SiteProfile(**values, selectors=profile.selectors)


def _check_time_zone(text: str, name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TomlError(line_of(text, "time_zone"), f"there is no time zone {name!r}") from None


def _check_selectors(text: str, selectors: Selectors) -> None:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError  # 2 MB

    empty = LexborHTMLParser("<p></p>")
    for each in fields(Selectors):
        value: str = getattr(selectors, each.name)
        try:
            if value:
                empty.css(value)
        except SelectolaxError:
            raise TomlError(line_of(text, each.name), f"{each.name!r} is no CSS selector: {value}") from None


class TomlError(ValueError):
    """The text cannot be used; `line` counts from 1, `reason` is one English sentence without a full stop."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def parse_toml(text: str) -> dict[str, Any]:
    """Return the document of `text`. Raises TomlError with the line of the first syntax error."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlError(_deepest(text), "this is not TOML: it is nested too deep") from None
    except ValueError as error:  # also raised for a number of thousands of digits
        place = _PLACE.search(str(error))
        line = int(place[1]) if place is not None else len(_lines(text))
        raise TomlError(line, f"this is not TOML: {str(error).partition(' (at ')[0]}") from error


def line_of(text: str, name: str) -> int:
    """Return the first line with `name` outside a comment, or the last line if `name` is escaped there."""
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        if name in line and not line.lstrip().startswith("#"):
            return number
    return len(lines)


def _deepest(text: str) -> int:
    """Return the line with the most opening brackets."""
    brackets = [line.count("[") + line.count("{") for line in _lines(text)]
    return brackets.index(max(brackets)) + 1


def _lines(text: str) -> list[str]:
    """Split at LF only, as TOML and editors count lines; `str.splitlines` splits at more characters."""
    return text.removesuffix("\n").split("\n")
