"""Which post an address means. The archive number is its identity; the blog answers on two hosts."""

import re

_POST = re.compile(
    r"(?P<host>https?://(?:www\.)?(?:kexue\.fm|spaces\.ac\.cn)(?::[0-9]+)?)?"
    r"/archives/(?P<id>[0-9]{1,9})/?(?:\?[^#]*)?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)


def post_address(href: str | None) -> tuple[int, str] | None:
    """The archive id and the address of a post, relative ones completed; None for anything else.

    A link to a comment (`#comment-…`) names a post, but not as its own address.
    """
    found = _POST.fullmatch((href or "").strip())
    if found is None or (found["fragment"] or "").startswith("comment-"):
        return None
    archive_id = int(found["id"])
    return archive_id, f"{(found['host'] or 'https://kexue.fm').lower()}/archives/{archive_id}"
