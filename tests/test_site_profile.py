"""Profiles of blogs: the built-in one, those read from TOML, and the errors of wrong files."""

import pytest

from bot.site_profile import KEXUE, Selectors, SiteProfile, TomlError, read_site_profile

SMALL = """\
name = "示例博客"
author = "某人"
home = "https://Blog.Example.org:8443/"
licence = "CC BY 4.0"
hosts = ["mirror.example.net"]
permalink = "/index.php/archives/{id}/"
"""
PROFILE = read_site_profile(SMALL)


def test_a_small_file_is_completed_by_defaults() -> None:
    assert (
        SiteProfile(
            name="示例博客",
            author="某人",
            home="https://blog.example.org:8443",
            licence="CC BY 4.0",
            hosts=frozenset({"mirror.example.net", "blog.example.org:8443"}),
            permalink="/index.php/archives/{id}/",
            selectors=Selectors(),
        )
        == PROFILE
    )
    assert hash(PROFILE) != hash(KEXUE)


POSTS: tuple[tuple[SiteProfile, str | None, tuple[int, str] | None], ...] = (
    (KEXUE, "https://kexue.fm/archives/12", (12, "https://kexue.fm/archives/12")),
    (KEXUE, "/archives/12/?from=feed#more", (12, "https://kexue.fm/archives/12")),
    (KEXUE, "http://WWW.Spaces.ac.cn/archives/7", (7, "http://www.spaces.ac.cn/archives/7")),
    (KEXUE, "https://kexue.fm:8080/archives/7", (7, "https://kexue.fm:8080/archives/7")),
    (KEXUE, "https://kexue.fm/archives/12#comment-3", None),
    (KEXUE, "https://kexue.fm/category/Big-Data", None),
    (KEXUE, "https://example.org/archives/12", None),
    (KEXUE, "https://kexue.fm@example.org/archives/12", None),
    (KEXUE, "http://[::1/archives/12", None),
    (KEXUE, "http://[kexue.fm]/archives/12", None),
    (KEXUE, "https://kexue.fm:port/archives/12", None),
    (KEXUE, "", None),
    (KEXUE, None, None),
    (
        PROFILE,
        "https://blog.example.org:8443/index.php/archives/3/",
        (3, "https://blog.example.org:8443/index.php/archives/3/"),
    ),
    (PROFILE, "/index.php/archives/3", (3, "https://blog.example.org:8443/index.php/archives/3/")),
    (PROFILE, "https://blog.example.org/index.php/archives/3/", None),  # another port
    (
        PROFILE,
        "http://mirror.example.net:81/index.php/archives/3/",
        (3, "http://mirror.example.net:81/index.php/archives/3/"),
    ),
    (PROFILE, "/archives/3/", (3, "https://blog.example.org:8443/index.php/archives/3/")),
    (KEXUE, "http://spaces.ac.cn/index.php/archives/12/", (12, "http://spaces.ac.cn/archives/12")),
    (KEXUE, "/index.php/index.php/archives/12/", None),
    (KEXUE, "/index.php/category/12", None),
)


@pytest.mark.parametrize(("site", "href", "post"), POSTS)
def test_links_to_posts(site: SiteProfile, href: str | None, post: tuple[int, str] | None) -> None:
    assert site.match_post(href) == post


def test_a_blog_below_a_path() -> None:
    site = read_site_profile('name = "a"\nauthor = "b"\nhome = "https://example.org/blog/"\n')
    assert site.post_url(4) == "https://example.org/blog/archives/4/"
    assert site.match_post("/blog/archives/4/") == (4, "https://example.org/blog/archives/4/")
    assert site.match_post("https://example.org/archives/4/") is None
    assert site.search_url("a b/c") == "https://example.org/blog/search/a%20b%2Fc/"


def test_names_by_language() -> None:
    assert (KEXUE.title_in("zh"), KEXUE.title_in("en")) == ("科学空间", "Scientific Spaces")
    assert (PROFILE.title_in("en"), PROFILE.author_in("en")) == ("示例博客", "某人")
    assert (KEXUE.citation_prefix, PROFILE.citation_prefix) == ("kexuefm", "blogexampleorg8443")


WRONG = (
    (SMALL + "time_zone = 'Mars/Base'\n", 7, "no time zone"),
    ("name = \n", 1, "not TOML"),
    (SMALL + "colour = 'red'\n", 7, "no key 'colour'"),
    (SMALL + "search = '/find/'\n", 7, "must contain {words} once"),
    (SMALL.replace("{id}", "{slug}"), 6, "must contain {id} once"),
    (SMALL.replace("https://Blog", "ftp://Blog"), 3, "must be an address"),
    (SMALL.replace("https://Blog", "https://user:secret@Blog"), 3, "must be an address"),
    (SMALL.replace('"某人"', "3"), 2, "must be a text"),
    (SMALL.replace('author = "某人"\n', ""), 1, "'author' is missing"),
    (SMALL.replace("mirror.example.net", "mirror example"), 5, "is no host name"),
    (SMALL.replace('["mirror.example.net"]', '"mirror.example.net"'), 5, "must be a list"),
    (SMALL + "feed = 'feed.xml'\n", 7, "begins with a slash"),
    (SMALL + "\n[selectors]\nblock = 'a:foo('\n", 9, "no CSS selector"),
    (SMALL + "selectors = 3\n", 7, "must be a section"),
    (SMALL + f"readers = '{'x' * 600}'\n", 7, "at most 500"),
)


@pytest.mark.parametrize(("text", "line", "reason"), WRONG)
def test_a_wrong_file_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(TomlError) as caught:
        read_site_profile(text)
    assert caught.value.line == line
    assert reason in caught.value.reason
