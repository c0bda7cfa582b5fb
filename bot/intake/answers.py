"""What an answer of the blog is worth: the page itself, or a reason why it is none. Pure.

The status decides before the content: the blog's 404 is a whole page with links to posts, a 403 may be one.
"""

import re

GATE_CHARACTERS = 1000
"""The gate before a first visit is a short page whose script loads the same address again, with a cookie."""

_TAIL = 2048  # caches append a comment or two
_END = re.compile(rb"</(?:html|rss|feed|rdf:RDF)\s*>", re.IGNORECASE)
_MEANING = {
    401: "it wants a password",
    403: "it forbids the request",
    404: "it has no such page",
    410: "it says the page is gone for good",
    429: "it says that we ask too often",
}


def is_gate(content: bytes) -> bool:
    return len(content) < GATE_CHARACTERS and b"<script" in content and b"location" in content


def why_not_fetched(status: int, content: bytes) -> str | None:
    """Why this answer is not the page that was asked for; None if it is."""
    if is_gate(content):
        return f"the gate before a first visit, not the page itself ({status})"
    if status != 200:
        meaning = _MEANING.get(status, "it is out of order" if status >= 500 else "an answer of no use")
        return f"{meaning} ({status})"
    if not content.strip():
        return "an empty answer"
    if _is_markup(content) and not _END.search(content[-_TAIL:]):
        return "half a page: its end is missing"
    return None


def _is_markup(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
