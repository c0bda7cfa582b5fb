"""robots.txt as rules: what may be fetched, and how long to wait between requests. Pure.

By RFC 9309 a robots.txt that does not exist (4xx) allows everything, one that cannot be had allows nothing.
"""

import re
from dataclasses import dataclass
from urllib.robotparser import RobotFileParser

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
