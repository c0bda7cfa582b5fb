"""Parser for text captures: layout, joined captures, post page, page of all posts.

Lists of posts and the home page are parsed by `text_posts.py`.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote

from bot.intake.formats import ParsedDump, template, text_posts
from bot.intake.formats.by_line import day_of
from bot.intake.formats.markup_residue import Residue, residue_of
from bot.intake.formats.template import CITED, END, LONGEST, bounded
from bot.intake.formats.text import normalize
from bot.intake.formats.text_posts import Head, excerpt_of, without_cut_end
from bot.site_profile import SiteProfile, split_address
from bot.titles import title_key
from storage.model import Layout, Note, NoteKind, Sighting

GLUED = "the lines of the page were glued together: extract it again with a line end between its elements"
_OWN_PAGE = ("转载到请包括本文地址", "转载请包括本文地址", "[Blog post]", "@online{")


def read_text(text: str, address: str | None, site: SiteProfile) -> ParsedDump | str | None:
    """Parse one text capture; return the reason if it cannot be parsed, None for other texts."""
    text = text_posts.with_whole_lines(normalize(text), site)
    preface = preface_of(text, site)
    text = text[preface.end :]
    if is_archive(text):
        return read_archive(text, site)
    heads = text_posts.heads_of(text, site)
    residue = residue_of(text)
    address = address or preface.address
    if is_post_page(text, heads, address, site):
        return read_post(text, heads, residue, address, preface.title, site)
    return text_posts.read_posts(text, heads, residue) if heads else None


def captures(text: str, site: SiteProfile) -> Sequence[str]:
    """Return the captures that were joined in one text, each with its own layout; one for most texts."""
    text = text_posts.with_whole_lines(normalize(text), site)
    return _captures(text, text_posts.heads_of(text, site), site)


_LABEL = (
    r"(?:(?:Source |Page )?URL|URL Source|Source|Link|Address|Permalink|网址|来源|原文|原文链接|链接|地址)"
)
_ADDRESS = rf"(?:{_LABEL}[ ]?[:：=][ ]*)?[<\[(\"']?(?P<address>https?://[^\s<>\"'\])]+)[>\])\"']?"
_PREFACE = re.compile(
    r"\n+(?:-{3,}|={3,}|\+{3}|Markdown Content:|(?:Published Time|Date|Time|Saved|日期|时间)[ ]?[:：=][^\n]*"
    rf"|(?:Title|标题)[ ]?[:：=][ ]*[\"']?(?P<title>[^\n]+?)[\"']?|{_ADDRESS})[ ]*(?=\n|\Z)",
    re.IGNORECASE,
)

_FRONT_MATTER = re.compile(r"\n+---\n(?:[\w-]+:[^\n]*\n|[ -][^\n]*\n)+---(?=\n)")

# Above a later capture in a file, an address alone may be a line of an article.
_LATER_PREFACE = re.compile(
    r"(?<=\n)(?:-{3,}\n)?(?:Title|标题)[ ]?[:：=][^\n]*\n+(?:URL|URL Source|Source)[ ]?[:：=][ ]*https?://",
    re.IGNORECASE,
)


class Preface(NamedTuple):
    """Lines above a capture that name its page: their length, its title and address."""

    end: int = 0
    title: str | None = None
    address: str | None = None


def preface_of(text: str, site: SiteProfile) -> Preface:
    """Return the lines `Title: …`, `URL: …` or of front matter above a capture of a page of the blog."""
    end = 0
    title = address = None
    fence = _FRONT_MATTER.match(text)
    inside = 0 if fence is None else fence.end()
    while (line := _PREFACE.match(text, end)) is not None or end < inside:
        end = text.index("\n", end + 1) if line is None else line.end()
        title = title or (line and line["title"])
        address = address or (line and line["address"])
    if address is None or not site.has_host(split_address(address).netloc):
        return Preface()
    return Preface(end, title, address)


def _captures(text: str, heads: Sequence[Head], site: SiteProfile) -> Sequence[str]:
    starts = {*_starts(text, heads), *_archive_starts(text, heads)}
    for found in _LATER_PREFACE.finditer(text, 1) if "://" in text else ():
        end = found.start() + preface_of(text[found.start() - 1 : found.start() + 2000], site).end
        starts = {start for start in starts if not found.start() < start <= end + 1} | {found.start()}
    starts -= {0, 1}
    if not starts:
        return (text,)
    parts = ["\n" + text[start:end].lstrip("\n") for start, end in pairwise((0, *sorted(starts), len(text)))]
    # A part that lost the marks by which its posts were found is better parsed with the others.
    complete = all(
        is_archive(part) or text_posts.heads_of(part, site) or preface_of(part, site).address
        for part in parts
    )
    return parts if complete else (text,)


_CLOSING = re.compile(r"\n[^\w\n]{0,8}最近评论(?!.*[。，])")


def _starts(text: str, heads: Sequence[Head]) -> list[int]:
    """Return where another capture begins: behind a side bar, at another layout, around a post's own page."""
    has_own_page = any(mark in text for mark in _OWN_PAGE)
    starts = []
    for before, head, behind in zip(heads, heads[1:], [*heads[2:], None], strict=False):
        between = text[before.end : head.start]
        body = text[head.end : len(text) if behind is None else behind.start] if has_own_page else ""
        if (
            head.starts_capture
            or (before.by_line is None) is not (head.by_line is None)
            or ("最近评论" in between and _CLOSING.search(between) is not None)
            or (has_own_page and any(mark in between or mark in body for mark in _OWN_PAGE))
        ):
            starts.append(head.start)
    return starts


def _archive_starts(text: str, heads: Sequence[Head]) -> list[int]:
    """Return where pages of all posts begin and end among other captures."""
    places = [head.start for head in heads]
    starts: list[int] = []
    for start, end in spans_of(text, places) if places else ():
        if places[0] < start:
            starts.append(start)
        starts += [place for place in places if place >= end][:1]
    return starts


def tag_of(address: str | None) -> str | None:
    """Return the tag of a tag page's address, None for any other."""
    parts = _path(address)
    return parts[1] if len(parts) >= 2 and parts[0] == "tag" else None


def category_of(address: str | None, text: str, site: SiteProfile) -> str | None:
    """Return the category of a category page: its address has a short name, its window title the full one."""
    if _path(address)[:1] != ["category"]:
        return None
    title = _window_title(site).search(text, 0, 3000)
    return None if title is None else title[1]


def _path(address: str | None) -> list[str]:
    return [unquote(part) for part in split_address(address or "").path.split("/") if part]


@cache
def _window_title(site: SiteProfile) -> re.Pattern[str]:
    return re.compile(rf"(?:\A|[\n>])\s*([^\n<>|]{{1,20}}?)\s*-\s*{re.escape(site.name)}")


_REPRINT = re.compile(r"转载到?请包括本文地址[:：]?\s*[\[<(]?(\S*?/archives/[0-9]{1,9})")
_COMMENT_PAGE = re.compile(r"/comment-page-[0-9]+/?(?:[?#].*)?\Z")
_RETRIEVED = re.compile(r"Retrieved from\s*[\[<(]?(https?://\S*?/archives/[0-9]{1,9})")
_CITED_TITLE = re.compile(r"\btitle=\{([^\n]{1,200})\},")


def _post_of(address: str | None, site: SiteProfile) -> tuple[int, str] | None:
    """Return the post whose own page, or a page of whose comments, was captured at `address`."""
    return site.match_post(_COMMENT_PAGE.sub("", address or ""))


def is_post_page(text: str, heads: Sequence[Head], address: str | None, site: SiteProfile) -> bool:
    """Return whether a text is a post's own page: at most one post, and its citation or address."""
    if len(heads) > 1:
        return False
    cites = (
        _REPRINT.search(text) is not None
        or CITED.search(text) is not None
        or template.cited_id(site).search(text) is not None
    )
    return cites or _post_of(address, site) is not None


def read_post(
    text: str,
    heads: Sequence[Head],
    residue: Residue,
    address: str | None,
    named: str | None,
    site: SiteProfile,
) -> ParsedDump | str:
    """Parse a post's own page; return the reason where it cannot be identified.

    Title, day and number are those of the By line, the citation block, the preface (`named`) and the address
    of the capture; where only the number is known, the sighting is untitled. The excerpt is the beginning of
    the article, up to the bound, and always partial.
    """
    head = heads[0] if heads and heads[0].by_line is not None else None
    line = None if head is None else head.by_line
    cited = CITED.search(text)
    stated = _stated_title(text, cited, named, site)
    title = head.title if head is not None and head.title else stated
    if title.casefold() == stated.casefold():
        title = stated  # some extractors write headings in capitals
    if "\ufffd" in title:
        return f"the title is damaged (‹{title[:40]}›): save the capture again in UTF-8"
    day = None if line is None else line.day
    day = day or (cited and day_of(cited[3], cited[1], cited[2]))
    place = _own_address(text, address, site) or (head.address if head is not None else None)
    if place is None and (day is None or not title):
        return (
            "the text of a post's own page without its address and its title: "
            "capture the page again with its title, as HTML or with its citation block"
        )
    body = text if head is None else text[head.end :]
    mark = END.search(body)
    shown, tail = (body[: mark.start()], body[mark.start() :]) if mark else (without_cut_end(body), "")
    shown = shown[: 4 * LONGEST]
    notes = [each.problem for each in heads if each.problem and each.problem.kind is NoteKind.UNREAD]
    excerpt = ""
    if head is not None or glued_head(site).search(shown) is None:
        excerpt, doubts = _article(shown, title, residue, site)
        notes += doubts
    elif title:
        notes.append(Note(NoteKind.UNREAD, "the page is glued to few lines, its text left out"))
    else:
        return GLUED
    if not title and len(_HAN.findall(excerpt)) < _LEAST_TEXT:
        return f"no text of a post at {place[1] if place else address}: capture the page again, whole"
    footer = template.footer_of(tail)
    comments = template.comment_head(tail)
    sighting = Sighting(
        title=title,
        date=day,
        readers=None if line is None else line.readers,
        comments=line.comments if comments is None and line is not None else comments,
        category=footer.category,
        tags=footer.tags,
        excerpt=excerpt or None,
        archive_id=place and place[0],
        url=place and place[1],
        excerpt_partial=bool(excerpt),
        untitled=not title,
    )
    return ParsedDump(format=Layout.POST_PAGE, sightings=(sighting,), notes=tuple(notes))


def _article(shown: str, title: str, residue: Residue, site: SiteProfile) -> tuple[str, list[Note]]:
    """Return the beginning of an article, up to the bound and the first doubtful paragraph."""
    excerpt = bounded(_without_head(excerpt_of(shown, residue), title, site))
    sure = text_posts.sure_part(excerpt)
    doubt = "a paragraph ends without a full stop, so characters may have been dropped there"
    return sure, [Note(NoteKind.ODD, doubt)] if len(sure) < len(excerpt) else []


def _stated_title(text: str, cited: re.Match[str] | None, named: str | None, site: SiteProfile) -> str:
    """Return the title of the citation block, of the preface or of the window; empty without any."""
    bibtex = _CITED_TITLE.search(text)
    stated = (cited and cited[4], bibtex and bibtex[1], named, _window_title_of(text, site))
    cleaned = (template.clean_title(title, site)[0] for title in stated if title)
    return next(filter(None, cleaned), "")


_HAN = re.compile(r"[\u3400-\u9fff]")
_LEAST_TEXT = 40  # ideographs of a page without its title, to be the beginning of an article


def _window_title_of(text: str, site: SiteProfile) -> str | None:
    """Return the first line without the blog's name, if it ends in it as window titles do."""
    first = text.lstrip("\n").partition("\n")[0]
    title = template.clean_title(first, site)[0]
    return title if title and site.name in first and site.name not in title else None


@cache
def glued_head(site: SiteProfile) -> re.Pattern[str]:
    """Compile the By line of a page whose lines were glued together."""
    return re.compile(
        rf"{re.escape(site.by)}[\s|]*{re.escape(site.author)}[\s|]*[0-9]{{4}}-|{re.escape(site.readers)}"
    )


@cache
def _page_head(site: SiteProfile) -> re.Pattern[str]:
    """Compile a line of the page's head: names, bread crumbs, a date badge, the time to read it."""
    names = "|".join(re.escape(name) for name in (site.name, site.name_en, site.author, *site.hosts) if name)
    time = r"[0-9]{1,3}(?:[-–—][0-9]{1,3})?[ ]?(?:分钟|min(?:ute)?s?\b)(?:[ ]?(?:read|阅读))?"
    return re.compile(
        rf"(?:{names}|首页|主页|Home|{template.CATEGORIES}|{time}|{template.DAY}|[\s|｜»>›/·•-])+"
    )


def _without_head(excerpt: str, title: str, site: SiteProfile) -> str:
    """Return an excerpt without the title and the lines of the page's head above its first paragraph."""
    first, newline, rest = excerpt.partition("\n")
    while newline and (
        _page_head(site).fullmatch(first)
        or (title and title_key(template.clean_title(first, site)[0]) == title_key(title))
    ):
        excerpt = rest.lstrip("\n")
        first, newline, rest = excerpt.partition("\n")
    return excerpt


def _own_address(text: str, address: str | None, site: SiteProfile) -> tuple[int, str] | None:
    """Return the address of the capture, otherwise the one that the page states; a number may be cut."""
    if (own := _post_of(address, site)) is not None:
        return own
    number = template.cited_id(site).search(text)
    for stated in (_REPRINT.search(text), _RETRIEVED.search(text), number):
        if stated is not None and stated.end() < len(text):
            cited = stated[1] if stated is not number else site.post_url(int(stated[1]))
            if (own := site.match_post(cited)) is not None:
                return own
    return None


_YEAR = re.compile(r"\n[^\n0-9。，]{0,12}([0-9]{4})[ ]?年[ ]?[(（][ ]?共[ ]?([0-9]{1,4})[ ]?篇[ ]?[)）]")
_ARCHIVE_LINE = re.compile(
    r"\n(?:[^\n0-9。，]{0,12}(?P<year>[0-9]{4})[ ]?年[ ]?[(（][ ]?共[ ]?(?P<count>[0-9]{1,4})[ ]?篇[ ]?[)）]"
    r"|[#>*+•□◦▪\- ]{0,8}(?P<month>[0-9]{1,2})[ ]?月(?=[ ]*(?:\n|\Z))"
    r"|[#>*+•□◦▪\- ]{0,8}(?P<day>[0-9]{1,2})[ ]?日[ ]?[:：][ ]*\n{0,2}(?P<title>[^\n]+?)"
    r"(?:[ \n]+[(（][ \n]*(?P<comments>[0-9]{1,6}"
    r"|\[(?:[0-9]{1,3}\])?[0-9]{1,6}(?:\](?:\([^()\n]*\)|\[[0-9]{1,3}\]))?)"
    r"[ \n]*(?:\([^()\s]*\))?[ \n]*[)）])?"
    r"(?=[ ]*(?:\n|\Z)))"
)

_GLUED_MONTH = re.compile(r"(\n[^\w\n]{0,8}[0-9]{1,2}[ ]?月)[ ]?(?=[0-9]{1,2}[ ]?日[ ]?[:：])")


def is_archive(text: str) -> bool:
    """Return whether a text is the page of all posts: it has the heading of a year."""
    return "年" in text and _YEAR.search(text) is not None


def spans_of(text: str, heads: Sequence[int]) -> list[tuple[int, int]]:
    """Return where the headings and lines of pages of all posts begin and end, without `heads` of posts."""
    spans: list[tuple[int, int]] = []
    for line in _ARCHIVE_LINE.finditer(text) if "年" in text else ():
        end = spans[-1][1] if spans else 0
        if spans and bisect_left(heads, end) == bisect_left(heads, line.start()):
            spans[-1] = (spans[-1][0], line.end())
        elif line["year"] is not None:
            spans.append((line.start() + 1, line.end()))
    return spans


def read_archive(text: str, site: SiteProfile) -> ParsedDump:
    """Parse the text of the page of all posts: title, date and comments, the number if it is linked."""
    sightings: list[Sighting] = []
    notes: list[Note] = []
    year = month = printed = 0
    found: dict[int, int] = {}
    for line in _ARCHIVE_LINE.finditer(_GLUED_MONTH.sub(r"\1\n", text)):
        if line["year"] is not None:
            year, month, printed = int(line["year"]), 0, int(line["count"])
            found[year] = found.get(year, 0) - printed
        elif line["month"] is not None:
            month = int(line["month"])
        else:
            match _archived(line, year, month, site):
                case Sighting() as sighting:
                    sightings.append(sighting)
                    found[year] = found.get(year, 0) + 1
                case Note() as note:
                    notes.append(note)
    for year, missing in found.items():
        if missing and year:
            more = "fewer" if missing < 0 else "more"
            reason = f"{year}: {abs(missing)} posts {more} than the page prints for the year"
            notes.append(Note(NoteKind.CUT, reason))
    return ParsedDump(format=Layout.ARCHIVE_PAGE, sightings=tuple(sightings), notes=tuple(notes))


def _archived(line: re.Match[str], year: int, month: int, site: SiteProfile) -> Sighting | Note:
    where = f"{year}-{month:02}-{int(line['day']):02}"
    title, address = template.clean_title(line["title"], site)
    problem = template.title_problem(title)
    if problem is not None:
        return Note(NoteKind.SKIPPED, f"{where}: {problem}")
    day = day_of(year, month, line["day"])
    if day is None:
        return Note(NoteKind.SKIPPED, f"{where}: no valid date, {title!r} skipped")
    if line["comments"] is None and not line.string[line.end() :].strip():
        return Note(NoteKind.SKIPPED, f"{where}: the dump ends in the title, skipped")
    count = re.search(r"([0-9]{1,6})(?:\]\([^()\n]*\)|\]\[[0-9]{1,3}\])?\Z", line["comments"] or "")
    return Sighting(
        title=title,
        date=day,
        comments=None if count is None else int(count[1]),
        archive_id=address and address[0],
        url=address and address[1],
    )
