"""Parser for text captures of list, tag, search and home pages and of a post's own page.

A post begins at a By line or, on the home page, at a date badge. Its title is the line above the By line or
below the badge; its excerpt ends at the first mark of the page's template.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from bot.intake.formats import ParsedDump, template
from bot.intake.formats.by_line import MONTHS, ByLine, by_lines
from bot.intake.formats.markup_residue import (
    Residue,
    join_open_formulas,
    outside_formulas,
    with_round_brackets,
    without_divs,
    without_link_numbers,
)
from bot.intake.formats.template import BADGE, END, LONGEST, SPLIT_BADGE, Footer, bounded
from bot.site_profile import SiteProfile
from storage.model import Layout, Note, NoteKind, Sighting

_FOLD_SIGN = "阅读全文"
_CUT_BY = re.compile(r"\n[^\n]*\n(?:By(?:[ \n]+[^\n]{0,20})?|B)\Z")
_CUT_FIGURES = re.compile(r"[ |｜\n]*(?:By?\b)?[ |｜\n]*[0-9-]*(?:位读?者?)?[ |]*\[?引?\Z")
_CUT_FOLD = re.compile(r"\n点(?:击(?:阅(?:读全?)?)?)?\Z")
_FIRST_LINE = re.compile(r"\s*([^\n]*)")
_RULE = re.compile(r"\n[-=]{3,}[ ]*(?=\n)")
_NO_FOOTER = Footer()
_NOT_CLOSED = "no closing line 最近评论: the dump may be cut, its last excerpt incomplete"


class Head(NamedTuple):
    """Where a post begins: `start` of its title block, `end` of its By line or title.

    `by_line` is None for a post of the home page; `starts_capture` is set if another capture ends before it.
    """

    start: int
    end: int
    title: str
    by_line: ByLine | None = None
    address: tuple[int, str] | None = None
    month_day: str | None = None
    problem: Note | None = None
    starts_capture: bool = False


class _Body(NamedTuple):
    excerpt: str
    is_partial: bool
    has_fold: bool
    footer: Footer
    is_doubtful: bool = False


@cache
def _glued_page(site: SiteProfile) -> re.Pattern[str]:
    """Compile the end of a capture that is glued to the beginning of a page."""
    return re.compile(rf"\n最近评论(?={re.escape(site.name)}|宇宙驿站|[0-9]{{1,2}} [A-Z]|[0-9]{{4}}年 ?\()")


def with_whole_lines(text: str, site: SiteProfile) -> str:
    """Return `text` with every date badge on one line, and a line end between joined captures."""
    if "\n:::" in text:
        text = without_divs(text)
    if "[" in text:
        text = with_round_brackets(without_link_numbers(text))
    text = SPLIT_BADGE.sub(r"\n\1 \2", text)
    return _glued_page(site).sub("\n最近评论\n", text) if "\n最近评论" in text else text


def heads_of(text: str, site: SiteProfile) -> list[Head]:
    """Return the posts of a normalized text in the order of their first lines."""
    heads = _without_window_title(_by_heads(text, site), text, site)
    badges = _badge_heads(text, heads, site)
    return sorted((*heads, *badges), key=lambda head: head.start) if badges else heads


def _by_heads(text: str, site: SiteProfile) -> list[Head]:
    heads: list[Head] = []
    low = 0
    for number, line in enumerate(by_lines(text, site), 1):
        above = template.title_above(text, low, max(line.start, low), site)
        if _FOLD_SIGN in text[low : above.start]:
            above = _with_first_line(text, text.rfind(_FOLD_SIGN, low, above.start), above, site)
        heads.append(
            Head(
                start=above.start,
                end=line.end,
                title=_without_badge(above.title, line),
                by_line=line,
                address=above.address,
                month_day=above.month_day,
                problem=_by_problem(number, line, above),
                starts_capture=above.after_end,
            )
        )
        low = line.end
    return heads


_WIDE = 40  # columns; a line with fewer was not wrapped


def _with_first_line(
    text: str, fold: int, above: template.TitleLine, site: SiteProfile
) -> template.TitleLine:
    """Return the title with the line above it, if that is all that stands behind the fold of the last post.

    Printers and text browsers wrap long titles.
    """
    start = text.find("\n", fold, above.start) + 1
    lines = [line for line in map(str.strip, text[start : above.start].split("\n")) if line]
    block = [line for line in lines if template.badge_day(line) is None]
    first, address = template.clean_title(block[0] if block else "", site)
    columns = sum(1 if sign < "\u2e80" else 2 for sign in first)
    if (
        not start
        or not above.title
        or not _WIDE <= columns <= 3 * _WIDE
        or len(block) > 1
        or template.title_problem(first) is not None
    ):
        return above
    blank = " " if first[-1].isascii() and above.title[0].isascii() else ""
    return above._replace(start=start, title=f"{first}{blank}{above.title}", address=above.address or address)


def _without_badge(title: str, line: ByLine) -> str:
    """Return a title without the date badge of its day that was glued to it."""
    if line.day is None or not title[:1].isdigit():
        return title
    return title.removeprefix("0").removeprefix(f"{line.day.day} {MONTHS[line.day.month - 1]}").lstrip()


def _without_window_title(heads: list[Head], text: str, site: SiteProfile) -> list[Head]:
    """Return the heads of a list, the first one without the window title of its page as its own title."""
    if len(heads) < 2 or heads[0].by_line is None or site.name not in text[heads[0].start : heads[0].end]:
        return heads
    line = text[heads[0].start : heads[0].by_line.start].strip().partition("\n")[0]
    if not template.is_window_title(line, site):
        return heads
    problem = Note(NoteKind.SKIPPED, "By line 1: no title above it, skipped")
    return [heads[0]._replace(title="", problem=problem), *heads[1:]]


def _by_problem(number: int, line: ByLine, above: template.TitleLine) -> Note | None:
    if line.unparsed is not None and line.day is None:
        return Note(
            NoteKind.UNREAD,
            f"By line {number}: no valid date in a By line of an unknown form ‹{line.unparsed}›, "
            f"{above.title!r} skipped",
        )
    if above.problem is not None:
        return Note(NoteKind.SKIPPED, f"By line {number}: {above.problem}")
    if line.day is None and above.address is None and above.month_day is None:
        return Note(NoteKind.SKIPPED, f"By line {number}: no valid date, {above.title!r} skipped")
    return None


def _badge_heads(text: str, heads: Sequence[Head], site: SiteProfile) -> list[Head]:
    """Return the posts that have a date badge and no By line."""
    badges = [badge for badge in BADGE.finditer(text) if not _is_by_badge(text, badge, heads)]
    if not badges or (_FOLD_SIGN not in text and site.name not in text):
        return []
    return [head for badge in badges if (head := _badge_head(text, badge, heads, site)) is not None]


def _is_by_badge(text: str, badge: re.Match[str], heads: Sequence[Head]) -> bool:
    """Return whether a badge belongs to a post with a By line, which may have lost its title."""
    at, below = badge.start() + 1, badge.end()
    while below < len(text) and text[below].isspace():
        below += 1
    place = bisect_right(heads, below, key=lambda head: head.start) - 1
    return any(
        head.start <= at < head.end or (head.by_line is not None and head.by_line.start == below)
        for head in heads[max(place, 0) : place + 2]
    )


def _badge_head(text: str, badge: re.Match[str], heads: Sequence[Head], site: SiteProfile) -> Head | None:
    start, at = badge.start() + 1, badge.end()
    title, address, problem = "", None, None
    day = template.month_day(badge[1], badge[2])
    line = _FIRST_LINE.match(text, at)
    if line is None or not line[1]:
        problem = "the dump ends at or in the title, its post skipped"
    else:
        title, address = template.clean_title(line[1], site)
        at = _behind_rule(text, line.end())
        if template.title_problem(title) is not None:
            problem, at = "no title below it, its post skipped", badge.end()
        elif line.end() == len(text):
            problem = "the dump ends at or in the title, its post skipped"
    if day is None:
        problem = "no day of the year, its post skipped"
    if heads and not _has_home_marks(text, at, heads):
        return None
    return Head(
        start=start,
        end=at,
        title=title,
        address=address,
        month_day=day,
        problem=None if problem is None else Note(NoteKind.SKIPPED, f"{badge[0].strip()}: {problem}"),
    )


def _behind_rule(text: str, at: int) -> int:
    rule = _RULE.match(text, at)
    return at if rule is None else rule.end()


def _has_home_marks(text: str, at: int, heads: Sequence[Head]) -> bool:
    """Return whether the text behind a badge has a fold or a footer before the next By line."""
    place = bisect_left(heads, at, key=lambda head: head.start)
    end = heads[place].start if place < len(heads) else len(text)
    mark = END.search(text, at, end)
    return mark is not None and mark.lastgroup in ("fold", "footer")


def read_posts(text: str, heads: Sequence[Head], residue: Residue) -> ParsedDump:
    """Parse the posts of one capture of a list or home page."""
    end = len(text)
    sightings: list[Sighting] = []
    notes: list[Note] = []
    for head, until in zip(heads, [*(head.start for head in heads[1:]), end], strict=True):
        if head.problem is not None:
            notes.append(head.problem)
            continue
        if head.by_line is not None and head.by_line.unparsed is not None:
            text_of_note = (
                f"{head.title!r}: a part of the By line is of an unknown form ‹{head.by_line.unparsed}›"
            )
            notes.append(Note(NoteKind.UNREAD, text_of_note))
        body = _body_of(text[head.end : until], residue, is_last=until == end)
        notes += _body_notes(head, body)
        sightings.append(_sighting(head, body))
    if heads[-1].by_line is not None and not _is_closed(text[heads[-1].end : end]):
        notes.append(Note(NoteKind.CUT, _NOT_CLOSED))
    layout = Layout.LISTING if any(head.by_line is not None for head in heads) else Layout.HOME
    return ParsedDump(format=layout, sightings=tuple(sightings), notes=tuple(notes))


def _is_closed(rest: str) -> bool:
    return END.search(rest if rest.startswith("\n") else "\n" + rest) is not None


def _body_notes(head: Head, body: _Body) -> list[Note]:
    if body.is_doubtful:
        text = (
            f"{head.title!r}: a paragraph ends without a full stop, so characters may have been dropped there"
        )
        return [Note(NoteKind.ODD, text)]
    if head.by_line is None and not body.has_fold:
        text = f"{head.title!r}: no 点击阅读全文 below it, so its excerpt may be cut or too long"
        return [Note(NoteKind.CUT, text)]
    return []


def _sighting(head: Head, body: _Body) -> Sighting:
    line = head.by_line
    comments = None if line is None else line.comments
    day = None if line is None else line.day
    return Sighting(
        title=head.title,
        date=day,
        month_day=head.month_day if day is None else None,
        readers=None if line is None else line.readers,
        comments=body.footer.comments if comments is None else comments,
        category=body.footer.category,
        tags=body.footer.tags,
        excerpt=body.excerpt or None,
        archive_id=head.address and head.address[0],
        url=head.address and head.address[1],
        excerpt_partial=bool(body.excerpt) and body.is_partial,
    )


def _body_of(body: str, residue: Residue, *, is_last: bool) -> _Body:
    """Split the text of one post into its excerpt and its footer."""
    mark = END.search(body)
    shown = body if mark is None else body[: mark.start()]
    has_fold = mark is not None and mark["fold"] is not None
    footer = _NO_FOOTER
    if mark is not None and "分类" in body:
        footer = template.footer_of(body[mark.start() :])
    is_cut = mark is None and is_last
    if is_cut:
        shown = without_cut_end(shown)
    excerpt = excerpt_of(shown, residue)
    # More text above a fold than any excerpt has is a whole article.
    kept = excerpt if has_fold and len(excerpt) <= 2 * LONGEST else bounded(excerpt)
    sure = sure_part(kept)
    is_article = mark is not None and mark["closing"] is not None
    is_doubtful = len(sure) < len(kept)
    is_partial = is_cut or is_article or is_doubtful or len(kept) < len(excerpt)
    return _Body(sure, is_partial, has_fold, footer, is_doubtful)


_DOUBTFUL = re.compile(r"(?m)^(?=[^\n]*[，。：；？！,;?!])[^\n]{14,}》(?=\n+[^\n\\$0-9(（「“《])")


def sure_part(excerpt: str) -> str:
    """Return an excerpt up to the first paragraph of prose that ends in a title without a full stop.

    Extractors of main content drop a single character behind a link.
    """
    doubtful = _DOUBTFUL.search(excerpt)
    return excerpt if doubtful is None else excerpt[: doubtful.end()]


def without_cut_end(shown: str) -> str:
    """Return the excerpt at the end of a cut capture without what may belong to the next post."""
    if len(shown) < 40 and _CUT_FIGURES.fullmatch(shown):
        return ""
    by = _CUT_BY.search(shown)
    if by is not None:
        return shown[: by.start()]
    shown = _CUT_FOLD.sub("", shown).rstrip()
    above, newline, last = shown.rpartition("\n")
    return above if newline and above.strip() and template.may_be_title(last) else shown


_SHARE = re.compile(r"\A(?:(?:分享|Kimi)[到至:：]{0,3}\s*(?=\n|Kimi))+\n+")
_ANCHOR = re.compile(
    r"(?m)[ ]?(?:\[\\?#\](?:\([^()\n]*\)|\[[0-9]{1,3}\])|(?<![#CFcf\s\\])#|(?<=[^\x00-\x7f])\\#|(?<=\S)[ ]#)"
    r"(?:[ ]\(\S*#\S*\)|[ ]#{1,6})?$|^#[ ]*$\n?"
)
_BULLET = re.compile(r"(?m)^[•◦▪□*-][ ]+(?=\S)")
_PICTURE = re.compile(r"(?m)^(?:[(（\[]?(?:图片|图像|图|image)[)）\]]?|\[[^\[\]\n]{1,30}\])$\n*")
_BLANK_LINES = re.compile(r"\n{3,}")


def excerpt_of(shown: str, residue: Residue) -> str:
    """Return the excerpt in `shown` without anchors, bullets and the residue of its extractor."""
    shown = shown.strip("\n")
    if shown.startswith(("分享", "Kimi")):
        shown = _SHARE.sub("", shown)
    if "#" in shown:
        shown = _ANCHOR.sub("", shown)
    if residue.steps:
        shown = residue.restored(shown)
    if any(mark in shown for mark in ("\n* ", "\n- ", "•", "◦", "▪", "□")):
        shown = outside_formulas(lambda text: _BULLET.sub("", text), shown)
    if shown.startswith("[") or "\n图" in shown or "\n[" in shown or "\nimage" in shown:
        shown = _PICTURE.sub("", shown)
    if "$" in shown and "\n" in shown:
        shown = join_open_formulas(shown)
    if "\n\n\n" in shown:
        shown = _BLANK_LINES.sub("\n\n", shown)
    return shown.strip()
