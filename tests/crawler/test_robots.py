"""robots.txt: statuses, groups, wildcards and the longest match of RFC 9309, and the reported rule."""

import pytest

from bot.crawler.robots import robots_of

RULES: dict[str, tuple[str, list[str], list[str]]] = {  # text, allowed paths, forbidden paths
    "prefix": ("User-agent: *\nDisallow: /search/", ["/feed", "/", "/content.html"], ["/search/x/"]),
    "own group": ("User-agent: kexue-bot\nDisallow: /", [], ["/feed"]),
    "own group, another case": ("user-agent: KEXUE-Bot\ndisallow: /", [], ["/feed"]),
    "own group before the general one": (
        "User-agent: *\nDisallow: /\n\nUser-agent: kexue-bot\nDisallow: /admin/",
        ["/feed"],
        ["/admin/x"],
    ),
    "another crawler's group": ("User-agent: other\nDisallow: /", ["/feed"], []),
    "two groups of one name": (
        "User-agent: kexue-bot\nDisallow: /a\n\nUser-agent: x\n\nUser-agent: kexue-bot\nDisallow: /b",
        ["/c"],
        ["/a", "/b"],
    ),
    "several names of one group": ("User-agent: x\nUser-agent: kexue-bot\nDisallow: /a", ["/b"], ["/a"]),
    "byte order mark and CRLF": ("\ufeffUser-agent: *\r\nDisallow: /archives/", ["/feed"], ["/archives/1"]),
    "wildcard inside": ("User-agent: *\nDisallow: /*/feed", ["/feed"], ["/archives/12/feed"]),
    "wildcard with an end": (
        "User-agent: *\nDisallow: /*.php$",
        ["/index.php/archives/1/", "/feed"],
        ["/index.php", "/admin/login.php"],
    ),
    "end": ("User-agent: *\nDisallow: /feed$", ["/feed/", "/feed/rss"], ["/feed"]),
    "the longest match allows": (
        "User-agent: *\nDisallow: /\nAllow: /archives/\nAllow: /feed",
        ["/archives/1", "/feed"],
        ["/", "/search/x"],
    ),
    "the longest match forbids": (
        "User-agent: *\nAllow: /archives/\nDisallow: /archives/1",
        ["/archives/2"],
        ["/archives/1", "/archives/10"],
    ),
    "the order does not matter": (
        "User-agent: *\nDisallow: /archives/1\nAllow: /archives/",
        ["/archives/2"],
        ["/archives/1"],
    ),
    "Allow wins a tie": ("User-agent: *\nDisallow: /page\nAllow: /page", ["/page"], []),
    "an empty rule forbids nothing": ("User-agent: *\nDisallow:", ["/feed", "/"], []),
    "percent-encoding is normalized": (
        "User-agent: *\nDisallow: /tag/%E4%BC%98%E5%8C%96",
        ["/tag/x"],
        ["/tag/优化", "/tag/%e4%bc%98%E5%8C%96/2"],
    ),
    "a query belongs to the path": ("User-agent: *\nDisallow: /*?", ["/feed"], ["/feed?type=atom", "/?p=1"]),
    "comments": ("User-agent: * # all\nDisallow: /search/ # no\n# Disallow: /feed", ["/feed"], ["/search/"]),
    "rules before any group": ("Disallow: /\nUser-agent: *\nDisallow: /a", ["/feed"], ["/a"]),
    "Sitemap inside a group": (
        "User-agent: kexue-bot\nSitemap: https://kexue.fm/sitemap.xml\nDisallow: /a",
        ["/feed"],
        ["/a"],
    ),
    "empty": ("", ["/feed"], []),
    "no rules but a page": ("<!doctype html><html><body>robots</body></html>", ["/feed"], []),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    text, allowed, forbidden = RULES[name]
    robots = robots_of(200, text.encode())
    assert robots is not None
    assert [path for path in allowed + forbidden if robots.allows(f"https://kexue.fm{path}")] == allowed
    assert all(robots.rule_against(f"https://kexue.fm{path}").startswith("Disallow: ") for path in forbidden)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_missing_file_allows_everything(status: int) -> None:
    robots = robots_of(status, b"User-agent: *\nDisallow: /")
    assert robots is not None
    assert robots.allows("https://kexue.fm/feed")


@pytest.mark.parametrize("status", [500, 503, 429, 304, 302])
def test_an_unavailable_file_allows_nothing(status: int) -> None:
    assert robots_of(status, b"") is None


def test_the_rule_of_another_crawler_is_not_reported() -> None:
    text = "User-agent: x\nDisallow: /archives/12\n\nUser-agent: *\nDisallow: /archives\nDisallow: /search/"
    robots = robots_of(200, text.encode())
    assert robots is not None
    assert robots.rule_against("https://kexue.fm/archives/12") == "Disallow: /archives"
    assert robots.rule_against("https://kexue.fm/feed") == ""


@pytest.mark.parametrize(
    ("asked", "delay"),
    [("7", 7), ("0.5", 0.5), ("86400", 60), ("-1", 0), ("x", 0), ("²", 0), ("nan", 0), ("9" * 5000, 0)],
)
def test_the_crawl_delay_is_bounded(asked: str, delay: float) -> None:
    robots = robots_of(200, f"User-agent: *\nCrawl-delay: {asked}\nDisallow: /search/".encode())
    assert robots is not None
    assert robots.delay == delay


def test_only_the_beginning_of_a_long_file_is_parsed() -> None:
    robots = robots_of(200, b"User-agent: *\n" + b"#" * 600_000 + b"\nDisallow: /")
    assert robots is not None
    assert robots.allows("https://kexue.fm/feed")
