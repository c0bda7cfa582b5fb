"""Citation of a post, as the blog prints it and as BibTeX, and the views of it and of the papers it names."""

import re
import zlib
from typing import Final

from bot.callbacks.actions import ShowPost
from bot.messages.elements import Row, heading, item, link, paragraph, press
from bot.messages.i18n import MONTHS, Words
from bot.messages.links import paper_urls
from bot.render.document import Block, Button, Inline, Items, Message, Preformatted
from bot.site_profile import KEXUE, SiteProfile
from bot.text_sanitizer import fitting, one_line, units
from bot.titles import title_key
from storage.model import Certainty, Post

LIMIT: Final = 256  # of the text a button copies (Bot API, CopyTextButton), in UTF-16 units to be safe
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
    return head + _cut(post.title, LIMIT - units(head + tail)) + tail


def bibtex(post: Post, site: SiteProfile = KEXUE, limit: int = LIMIT) -> str:
    """Return the blog's `@online` entry, at most `limit` units: a longer title is cut with ….

    Without an archive id the key is made from date and title, which a note says; a guessed year has one too.
    """
    fields = [f"author={{{site.author}}}"]
    if post.date is not None:
        fields += [f"year={{{post.date.year}}}", f"month={{{MONTHS[post.date.month - 1]}}}"]
    if post.archive_id is not None:
        fields.append(f"url={{\\url{{{site.post_url(post.archive_id)}}}}}")
    notes = ["键由日期与标题拟定"] if post.archive_id is None else []
    if post.date is not None and post.date_certainty is Certainty.GUESSED:
        notes.append("年份为推测")
    if notes:
        fields.append(f"note={{{'；'.join(notes)}}}")
    head = f"@online{{{citation_key(post, site)},\n  title={{"
    tail = "".join(("},\n", *(f"  {field},\n" for field in fields), "}"))
    room = limit - units(head + tail)
    title = _escaped(post.title)
    if units(title) > room:
        # Escapes are put in after cutting, so that none is cut in half; they only ever double a sign.
        title = next(
            text for size in range(room, -1, -1) if units(text := _escaped(_cut(post.title, size))) <= room
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
    day = "" if post.date is None else f"{post.date:%Y%m%d}-"
    return f"{site.citation_prefix}-{day}{name}"


def _day(post: Post) -> str:
    if post.date is None:
        return "n.d."
    guessed = "?" if post.date_certainty is Certainty.GUESSED else ""
    return f"{MONTHS[post.date.month - 1]}. {post.date.day:02}, {post.date.year}{guessed}"


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
    for outside in range(0, len(pieces), 2):
        pieces[outside] = _SPECIAL.sub(r"\\\g<0>", pieces[outside])
    return "$".join(pieces)


def _paired(title: str) -> bool:
    depth = 0
    for sign in title:
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    return depth == 0


def _cut(title: str, room: int) -> str:
    if units(title) <= room:
        return title
    return title[: fitting(title, room - 1)].rstrip() + "…" if room > 0 else ""


def citation_view(post: Post, words: Words) -> Message:
    """Return both forms to read, and copy buttons for those that fit."""
    text, entry = one_line(citation(post, words.site)), bibtex(post, words.site)
    body: list[Block] = [
        heading(words.text("引用《{title}》", title=one_line(post.title))),
        paragraph(text),
        Preformatted(entry),
    ]
    if post.archive_id is None:
        body.append(paragraph(words.text("这篇的归档编号还不知道：BibTeX 的键由日期和标题拟成，网址从缺。")))
    copies = [(words.text("复制引用"), text), (words.text("复制 BibTeX"), entry)]
    row = tuple(Button(text=name, copy=copy) for name, copy in copies if units(copy) <= LIMIT)
    rows: list[Row] = [row] if row else []
    return Message(body=tuple(body), keyboard=(*rows, _back(post, words)))


def papers_view(post: Post, titles: tuple[str, ...], words: Words) -> Message:
    """Return the papers that a post names, each with links to search for it."""
    lines = tuple(item(*_paper(title), label=str(index)) for index, title in enumerate(titles, 1))
    head = words.count("文中提到的论文 · {n} 篇", len(titles))
    return Message(body=(heading(head), Items(lines)), keyboard=(_back(post, words),))


def _paper(title: str) -> tuple[Inline | str, ...]:
    children: list[Inline | str] = [one_line(title) + "\n"]
    for index, (place, address) in enumerate(paper_urls(title)):
        children += [" · " if index else "", link(address, place)]
    return tuple(children)


def _back(post: Post, words: Words) -> Row:
    return (press(words.text("‹ 回到文章"), ShowPost(post.id)),)
