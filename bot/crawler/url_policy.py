"""Which addresses of the network are public: the fetcher connects to no others, whatever a name resolves to.

Looked at when a connection is made, after the name was resolved: a name that changes its meaning between a
check and the connection gains nothing.
"""

import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

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
