"""Which addresses belong to the blog, and whether a redirect may be followed. Pure; knows no HTTP client."""

from urllib.parse import urljoin, urlsplit

BLOG_HOSTS = frozenset({"kexue.fm", "www.kexue.fm", "spaces.ac.cn", "www.spaces.ac.cn"})
"""One blog under four names."""

_PORTS = {"http": 80, "https": 443}


class RefusedAddressError(Exception):
    """An address that is not followed; the text says why."""


def host_of(url: str) -> str:
    """Host in small letters, with the port where it is not the scheme's own. Raises RefusedAddressError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RefusedAddressError(f"not an address ({error})") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise RefusedAddressError("not an http address")
    if parts.username is not None or parts.password is not None:
        raise RefusedAddressError("an address with a user name")
    default = port is None or port == _PORTS[parts.scheme]
    return parts.hostname if default else f"{parts.hostname}:{port}"


def same_blog(host: str, hosts: frozenset[str]) -> str:
    """The name under which requests to `host` queue: all of the blog's hosts are one."""
    return "the blog" if host in hosts else host


def redirected(url: str, location: str, hosts: frozenset[str]) -> str:
    """Where a redirect from `url` to `location` leads. Raises RefusedAddressError.

    It may lead to the same host, or from one of `hosts` to another of them; never from https to http.
    """
    try:
        target = urljoin(url, location.strip())
    except ValueError as error:
        raise RefusedAddressError(f"it redirects to what is no address ({error})") from None
    here, there = host_of(url), host_of(target)
    if there != here and not {here, there} <= hosts:
        raise RefusedAddressError(f"it redirects to another site ({there[:80]})")
    if url.startswith("https:") and not target.startswith("https:"):
        raise RefusedAddressError("it redirects from https to http")
    return target.partition("#")[0]
