"""Rules of robots.txt (RFC 9309): wildcards, the longest match, Crawl-delay.

Parsing and matching are protego's; a rule that forbids an address is reported with the error.
"""

import re
from dataclasses import dataclass

from protego import Protego

PRODUCT_TOKEN = "kexue-bot"
"""The name of this crawler in User-agent lines."""

MAX_BYTES = 500 * 1024  # RFC 9309 §2.5 requires crawlers to parse at least this much
MAX_DELAY = 60.0
_MAX_CANDIDATES = 50  # rules that are tried to find the one to report

_DISALLOW = re.compile(r"\s*disallow\s*:\s*(?P<path>[^#\s][^#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host."""

    parser: Protego
    text: str

    def allows(self, url: str) -> bool:
        return self.parser.can_fetch(url, PRODUCT_TOKEN)

    def rule_against(self, url: str) -> str:
        """Return the longest Disallow line that applies to `url`, or an empty text if none is found."""
        lines = self.text.splitlines()
        found = {at: rule for at, line in enumerate(lines) if (rule := _DISALLOW.match(line)) is not None}
        # Each rule is tried alone in its group, so that rules for other crawlers are not reported.
        longest = sorted(found, key=lambda at: len(found[at]["path"]), reverse=True)
        for at in longest[:_MAX_CANDIDATES]:
            alone = [line for other, line in enumerate(lines) if other == at or other not in found]
            if not Protego.parse("\n".join(alone)).can_fetch(url, PRODUCT_TOKEN):
                return f"Disallow: {found[at]['path'].strip()}"
        return ""

    @property
    def delay(self) -> float:
        """Return the Crawl-delay in seconds, at most MAX_DELAY; 0 without one."""
        return min(self.parser.crawl_delay(PRODUCT_TOKEN) or 0.0, MAX_DELAY)


def robots_of(status: int, content: bytes) -> Robots | None:
    """Parse the response to /robots.txt.

    4xx means that everything is allowed (RFC 9309 §2.3.1.3). Return None for 429, 5xx and other statuses:
    until the rules are available nothing may be fetched (§2.3.1.4).
    """
    if 400 <= status < 500 and status != 429:
        content = b""
    elif status != 200:
        return None
    text = content[:MAX_BYTES].decode("utf-8-sig", "replace")
    return Robots(Protego.parse(text), text)
