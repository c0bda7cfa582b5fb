"""Citation of a post: the blog's own line and its BibTeX entry, short enough for a copy button.

The form is the one at the foot of each post on the blog.
"""

import re
import zlib

from bot.site_profile import KEXUE, SiteProfile
from bot.titles import title_key
from storage.model import Certainty, Post

LIMIT = 256  # of the text a button copies (Bot API, CopyTextButton), in UTF-16 units to be safe
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LATIN_WORD = re.compile(r"[A-Za-z0-9]+")
_KEY_WORDS = 24  # characters of the title's Latin words in a made-up key
_SPECIAL = re.compile(r"(?<!\\)[&%#_]")


def citation(post: Post, site: SiteProfile = KEXUE) -> str:
    """Return `苏剑林. (Jul. 04, 2020). 《…》[Blog post]. Retrieved from …`, at most LIMIT.

    Only a title that is too long is cut, with …. The address is that of the archive id;
    without one the blog is named instead, and no address is made up.
    """
    # The blank before 》 is the blog's own.
    head, tail = f"{site.author}. ({_day(post)}). 《", f" 》[Blog post]. {_source(post, site)}"
    return head + _cut(post.title, LIMIT - _units(head + tail)) + tail


def bibtex(post: Post, site: SiteProfile = KEXUE) -> str:
    """Return the blog's `@online` entry, at most LIMIT: a longer title is cut with ….

    Without an archive id the key is made from date and title, which a note says; a guessed year has one too.
    """
    fields = [f"author={{{site.author}}}"]
    if post.date is not None:
        fields += [f"year={{{post.date.year}}}", f"month={{{_MONTHS[post.date.month - 1]}}}"]
    if post.archive_id is not None:
        fields.append(f"url={{\\url{{{site.post_url(post.archive_id)}}}}}")
    notes = [
        note
        for note, holds in (
            ("键由日期与标题拟定", post.archive_id is None),
            ("年份为推测", post.date is not None and post.date_certainty is Certainty.GUESSED),
        )
        if holds
    ]
    if notes:
        fields.append(f"note={{{'；'.join(notes)}}}")
    head = f"@online{{{citation_key(post, site)},\n  title={{"
    tail = "".join(("},\n", *(f"  {field},\n" for field in fields), "}"))
    room = LIMIT - _units(head + tail)
    title = _escaped(post.title)
    if _units(title) > room:
        # Escapes are put in after cutting, so that none is cut in half; they only ever double a sign.
        title = next(
            text for size in range(room, -1, -1) if _units(text := _escaped(_cut(post.title, size))) <= room
        )
    return head + title + tail


def citation_key(post: Post, site: SiteProfile = KEXUE) -> str:
    """Return the BibTeX key: the archive id, or the day and the title's Latin words or checksum.

    Without an id the key is ours: ASCII, as BibTeX wants it, and the same for every spelling of the title.
    """
    if post.archive_id is not None:
        return f"{site.citation_prefix}-{post.archive_id}"
    key = title_key(post.title)
    words = "-".join(_LATIN_WORD.findall(key)).lower()[:_KEY_WORDS].strip("-")
    name = words if words and not words.isdecimal() else f"{zlib.crc32(key.encode()):08x}"
    return (
        f"{site.citation_prefix}-{post.date:%Y%m%d}-{name}"
        if post.date is not None
        else f"{site.citation_prefix}-{name}"
    )


def _day(post: Post) -> str:
    if post.date is None:
        return "n.d."
    guessed = "?" if post.date_certainty is Certainty.GUESSED else ""
    return f"{_MONTHS[post.date.month - 1]}. {post.date.day:02}, {post.date.year}{guessed}"


def _source(post: Post, site: SiteProfile) -> str:
    if post.archive_id is None:
        return "|".join(filter(None, (site.name, site.name_en))) + "."
    return f"Retrieved from {site.post_url(post.archive_id)}"


def _escaped(title: str) -> str:
    """Return the title with TeX's special characters escaped outside formulas, braces only in pairs."""
    if not _paired(title):
        title = title.replace("{", "").replace("}", "")
    pieces = title.split("$")
    if len(pieces) % 2 == 0:  # a lone $ opens no formula
        return _SPECIAL.sub(r"\\\g<0>", title.replace("$", r"\$"))
    return "$".join(
        piece if inside else _SPECIAL.sub(r"\\\g<0>", piece)
        for piece, inside in zip(pieces, (index % 2 == 1 for index in range(len(pieces))), strict=True)
    )


def _paired(title: str) -> bool:
    depth = 0
    for sign in title:
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    return depth == 0


def _cut(title: str, room: int) -> str:
    if _units(title) <= room:
        return title
    while title and _units(title) >= room:
        title = title[:-1]
    return title.rstrip() + "…" if room > 0 else ""


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
