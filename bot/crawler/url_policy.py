"""URL policy of the crawler: hosts of the blog, redirects, public IP addresses."""

import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}


class RefusedAddressError(Exception):
    """The address is not requested; the message gives the reason."""


def host_of(url: str) -> str:
    """Return the host in small letters, with its port unless default. Raises RefusedAddressError."""
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
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname  # as in the hosts of a profile
    return name if default else f"{name}:{port}"


def same_blog(host: str, hosts: frozenset[str]) -> str:
    """Return the key of the request queue of `host`; all hosts of the blog share one queue."""
    return "the blog" if host in hosts else host


def redirected(url: str, location: str, hosts: frozenset[str]) -> str:
    """Return the target of a redirect from `url` to `location`.

    Allowed are the same host, and another of `hosts` from one of them; never http from https.
    Raises RefusedAddressError.
    """
    if not location.strip():
        raise RefusedAddressError("it redirects without an address")
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


# IANA IPv4 and IPv6 Special-Purpose Address Registries, with multicast, reserved and deprecated ranges. The
# lists of `ipaddress` differ between versions of Python.
_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_GLOBAL_V6 = IPv6Network("2000::/3")  # the only global unicast space, RFC 4291 §2.4
_SPECIAL_V6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)
_NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 behind NAT64, RFC 6052


class NotPublicError(OSError):
    """The IP address is private, loopback, link-local, reserved, multicast or of special purpose."""


def is_public(address: str) -> bool:
    """Return whether an IP address is public.

    An IPv4 address embedded in IPv6 (IPv4-mapped, NAT64, 6to4) is checked as IPv4; IPv4-compatible and
    Teredo addresses are not public.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        embedded = _embedded(found)
        if embedded is None:
            return found in _GLOBAL_V6 and not any(found in network for network in _SPECIAL_V6)
        found = embedded
    return not any(found in network for network in _SPECIAL_V4)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def public_socket(address: Sequence[Any]) -> socket.socket:
    """Return a socket for one result of getaddrinfo. Raises NotPublicError."""
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise NotPublicError(errno.EACCES, f"{place[0]} is not a public address")
    return socket.socket(family, kind, protocol)
