"""The fetcher connects to public addresses only, when it connects; through a proxy if there is one."""

import pytest

from bot.crawler.fetcher import Fetched, Fetcher, NotFetched
from bot.crawler.url_policy import RefusedAddressError, host_of, is_public, redirected, same_blog
from storage.clock import SystemClock
from tests.fakes.blog import FEED, Blog, blog, moved, page


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "192.0.0.1", "192.0.0.9", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", "::8.8.8.8",
        "::7f00:1", "64:ff9b:1::808:808", "100::1", "100:0:0:1::1", "2001::1", "2001:0:808:808::1",
        "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2002:c000:1::",
        "2002:a9fe:a9fe::", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "5f00::1", "fec0::1",
        "::ffff:192.0.0.8", "64:ff9b::c0a8:1", "4000::1", "localhost", "", "1", "127.1",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "192.0.1.1",
        "198.20.0.1",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2400:3200::1",
        "104.21.30.4",
        "2606:4700::6810:84e5",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ],
)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["[2001:db8::5]:8080", "[2001:db8::5]", "blog.example.org"])
def test_a_host_is_one_of_the_profile_in_each_notation(host: str) -> None:
    hosts = frozenset({host, "www.example.org"})
    assert same_blog(host_of(f"http://{host}/feed"), hosts) == same_blog("www.example.org", hosts)
    assert redirected("http://www.example.org/feed", f"http://{host}/feed/", hosts) == f"http://{host}/feed/"


@pytest.mark.parametrize("location", ["", " "])
def test_a_redirect_without_an_address_is_not_followed(location: str) -> None:
    with pytest.raises(RefusedAddressError, match="without an address"):
        redirected("http://www.example.org/feed", location, frozenset())


def fetcher(*hosts: str, proxy: str | None = None) -> Fetcher:
    return Fetcher(
        SystemClock(), user_agent="a test", pause=0, deadline=5, proxy=proxy, hosts=frozenset(hosts)
    )


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_private_address_is_not_connected_to(name: str) -> None:
    """As a number in the address, and behind a name."""
    async with blog() as kexue:
        kexue.pages["/feed"] = page(FEED)
        made = fetcher()
        fetch = await made.fetch(f"http://{name}:{kexue.port}/feed")
        await made.close()
    assert isinstance(fetch, NotFetched)
    assert "is not a public address" in fetch.reason
    assert kexue.asked == []


async def proxied(proxy: Blog, url: str) -> Fetched | NotFetched:
    made = fetcher("kexue.fm", "spaces.ac.cn", proxy=proxy.url(""))
    fetch = await made.fetch(url)
    await made.close()
    assert isinstance(fetch, Fetched | NotFetched)
    return fetch


async def test_a_proxy_is_asked_in_the_place_of_the_blog() -> None:
    async with blog() as proxy:
        proxy.pages["http://spaces.ac.cn/feed"] = moved("http://kexue.fm/feed")
        proxy.pages["http://kexue.fm/feed"] = page(FEED)
        fetch = await proxied(proxy, "http://spaces.ac.cn/feed")
    assert isinstance(fetch, Fetched)
    assert fetch.dump.content == FEED
    assert [asked.headers["host"] for asked in proxy.asked][-1] == "kexue.fm"


async def test_a_proxy_is_not_asked_for_what_the_blog_may_not_lead_to() -> None:
    async with blog() as proxy:
        proxy.pages["http://kexue.fm/feed"] = moved("http://169.254.169.254/latest")
        fetch = await proxied(proxy, "http://kexue.fm/feed")
    assert isinstance(fetch, NotFetched)
    assert "another site" in fetch.reason
    assert not any("169.254" in asked.path for asked in proxy.asked)
