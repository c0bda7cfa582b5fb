"""Which addresses belong to the blog, and whether a redirect may be followed. Pure; knows no HTTP client."""

import errno
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

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


_TRANSLATED = IPv6Network("64:ff9b::/96")  # IPv4 behind NAT64, RFC 6052


class NotPublicError(OSError):
    """The address is private, loopback, link-local, reserved, or a group's."""


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet; an IPv4 inside an IPv6 counts as itself."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        found = _within(found) or found
    return found.is_global and not found.is_multicast


def _within(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def public_socket(address: Sequence[Any]) -> socket.socket:
    """A socket for one of getaddrinfo's answers. Raises NotPublicError."""
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise NotPublicError(errno.EACCES, f"{place[0]} is not a public address")
    return socket.socket(family, kind, protocol)


ROBOT = "kexue-bot"
"""The name under which a robots.txt can speak to us."""

MAX_BYTES = 500 * 1024  # RFC 9309 §2.5 asks crawlers to read at least this much
MAX_DELAY = 60.0

# The parser of the standard library fails at numbers such as "²" and at those of thousands of digits.
_NUMBERED = re.compile(r"\s*(?:crawl-delay|request-rate)\s*:", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]{1,9}(?:/[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Robots:
    """What one host allows."""

    parser: RobotFileParser

    def allow(self, url: str) -> bool:
        return self.parser.can_fetch(ROBOT, url)

    @property
    def delay(self) -> float:
        """Seconds between requests that the host asks for; 0 where it does not say."""
        asked = self.parser.crawl_delay(ROBOT)
        return min(float(asked), MAX_DELAY) if asked else 0.0


def robots_of(status: int, content: bytes) -> Robots | None:
    """The rules in an answer to /robots.txt; None if it says neither what nor that nothing is forbidden."""
    if 400 <= status < 500 and status != 429:
        content = b""
    elif status != 200:
        return None
    parser = RobotFileParser()
    lines = content[:MAX_BYTES].decode("utf-8-sig", "replace").splitlines()
    parser.parse([line for line in lines if not _NUMBERED.match(line) or _is_numbered(line)])
    return Robots(parser)


def _is_numbered(line: str) -> bool:
    value = line.partition("#")[0].partition(":")[2].strip()
    return _NUMBERS.fullmatch(value) is not None
