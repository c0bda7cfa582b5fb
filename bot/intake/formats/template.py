"""Marks of the blog's page template in text captures: titles, date badges, ends of excerpts, footers."""

import html
import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from bot.intake.formats.by_line import MONTHS, day_of
from bot.site_profile import SiteProfile

_MONTH = "|".join(MONTHS)
# What Markdown, lists and link numbers put before the words of a line.
_SIGNS = r"#>*+•◦▪▲▼▶►◆■●★☆=—–|\-"
_LEAD = rf"[{_SIGNS}\[(（ ]{{0,8}}(?:[0-9]{{1,3}}\])?\[?"
_TAIL = rf"[{_SIGNS}_:：\s\])）]{{0,8}}(?:\([^()\n]*\))?[ ]*(?=\n|\Z)"

_FOLD = r"点击阅读全文|(?:阅读全文|继续阅读|[Rr]ead more)(?=[ .…»→\]]*(?:\(|\n|\Z))"
CATEGORIES = "信息时代|数学研究|天文探索|物理化学|生活/情感|图片摄影|千奇百怪|问题百科|资源共享|生物自然"
_FOOTER_LINE = (
    r"分类[:：](?:[^\n]{0,80}标签[:：]|\s{0,4}[^\n]{1,20}\n+[ ]*标签[:：]"
    rf"|[ ]*[^\s:：]{{1,12}}[ ]+阅读全文|[ ]*\[|[ ]*(?:{CATEGORIES})[ ]*(?=\n|\Z))"
    r"|标签[:：][^\n。；;!?！？]{1,100}(?=\n|\Z)"
)
_CLOSING = (
    r"转载到?请(?:包括本文地址|注明)|更详细的转载事宜|如果您需要引用本文|如果您还有什么疑惑或建议|如果您觉得本文还不错"
    r"|@online\{|[^\n]{1,40}\.[ ]?\((?:" + _MONTH + r")\.?[ ][0-9]{1,2},[ ][0-9]{4}\)\.[ ]?《"
)
_SIDE_HEADS = (
    r"(?:最近|最新|近期|热门)(?:评论|文章|标签)|智能搜索|友情链接|(?:随机|推荐|相关)文章|推荐阅读|标签云"
    r"|文章分类|网站统计|参与科学空间|Recent (?:Comments|Posts)"
    r"|你也许还对下面的内容感兴趣|发表你的看法|(?:已有[ ]?)?[0-9]{1,6}[ ]?条评论"
    r"|评论[ ]?[(（][0-9]{1,6}[)）]|References|Visible links"
)
_GLUED_HEADS = (
    r"智能搜索支持整句搜索|你也许还对下面的内容感兴趣|宇宙驿站感谢|(?:Copyright[ ])?©|版权[^\n]{1,20}致力于"
)
_PAGER = (
    r"[\[«<0-9](?:[0-9 .…«|\[\]\n]|\]\([^()\n]*\)|\([^()\n]*\)){0,300}»"
    r"|(?:上一页|« )?[0-9 .…|]{0,80}下一页|Page[ ][0-9]{1,4}[ ]of[ ][0-9]{1,4}"
)
END = re.compile(
    rf"\n{_LEAD}(?:(?P<fold>{_FOLD})|(?P<footer>{_FOOTER_LINE})|(?P<closing>{_CLOSING})"
    rf"|(?P<side>(?:{_SIDE_HEADS}){_TAIL}|{_GLUED_HEADS}))"
    rf"|\n(?P<pager>{_PAGER})"
)
"""The first mark behind an excerpt; its groups are the kinds of marks."""

BADGE = re.compile(rf"\n[ ]*([0-9]{{1,2}})[ ]{{1,4}}({_MONTH})[ ]*(?=\n|\Z)")
SPLIT_BADGE = re.compile(rf"\n[ ]*([0-9]{{1,2}})[ ]*\n[ \n]*({_MONTH})[ ]*(?=\n)")

_PICTURE = r"[(（\[]?(?:图片|图像|图[ ]?[0-9]{0,3}|[Ii]mage|img|picture)[)）\]]?(?:[:：][^\n]{0,80})?"
DAY = (
    rf"[0-9]{{1,2}}[ ]{{0,4}}(?:{_MONTH})[a-z]*(?:[ ,]{{1,2}}[0-9]{{4}})?"
    rf"|(?:{_MONTH})[a-z]*[ ]?(?:[0-9]{{1,2}})?(?:,?[ ][0-9]{{4}})?"
    r"|(?:[0-9]{4}[-/.年])?[0-9]{1,2}[-/.月][0-9]{1,2}日?|[0-9]{1,4}[年月日]?"
)
_ADDRESS = r"<?https?://\S+>?|\[URL[^\n]*\]"
_MOMENT = (  # a day as any theme or tool prints it
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?[ ])?"
    rf"(?:{DAY}|[一二三四五六七八九十]{{1,2}}月[ ]?[0-9]{{0,2}}日?)"
    r"(?:,?[ ](?:星期|周)[一二三四五六日天])?(?:,?[ ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?"
)
_FILE = r"\S{1,80}\.(?:png|jpe?g|gif|webp|svg|bmp|avif)"
# Links and marks that themes print at a title.
_LINK_WORDS = (
    r"[\[【(（]?(?:编辑|原创|转载|置顶|分享|收藏|打印|复制链接|复制|Edit|EDIT|Share|Print|New|NEW|Pinned|Sticky)"
    r"[\]】)）]?"
)
# Without a letter or ideograph a line is a rule, a picture sign or an underline.
_NO_TITLE = re.compile(
    rf"(?:[\W_]+|{_PICTURE}|{_FILE}|\[?!\[[^\n]*|{_ADDRESS}|</?[a-zA-Z][^<>]*>|&nbsp;|{_MOMENT}|{_LINK_WORDS})\Z"
)
_NEVER_TITLE = re.compile(
    rf"(?:(?:{CATEGORIES})\Z|{_FOLD}|分类[:：][^\n]*(?:标签|阅读全文)|标签[:：]|阅读全文|(?:{_SIDE_HEADS})[*_:：\s]*\Z"
    r"|包含(?:关键字|标签)[^\n]*文章|(?:标签|分类|作者)[^\n]{1,40}下的文章"
    r"|[0-9« ][0-9 .…«»]*\Z|[0-9]{1,6}[ ]?条?评论\Z)"
)
_PLAIN = re.compile(r"[\u3400-\u9fff《“【A-Za-z][^\n|*_\\\[\]<>¶§⚓🔗]*[^。；，,#\s¶§⚓🔗]\Z")
_LEADING = re.compile(
    r"\A(?:(?:[#>]{1,6}|[-*+•◦▪□▲▼▶►◆■●★☆])[ ]+|[0-9]{1,3}[.)][ ]+(?=\[))*+(?:\[[0-9]{1,3}\](?=[^(\s]))?"
)
_WRAPPING_TAG = re.compile(r"\A<(h[1-6]|b|strong|a)(?:\s[^<>\n]*)?>(.*)</\1>\Z")
_ANCHOR_SIGN = re.compile(r"[ ]*(?:[¶§⚓🔗]|\{#[^{}\n]*\})\Z")
_BEHIND = re.compile(r"[ ]+[(<（]?(?P<href>(?:https?:/)?/[^\s()<>（）]+)[)>）]?\Z")
_LINK = re.compile(
    r"\[(?P<text>[^\n]*)\](?:\([ ]?<?(?P<href>[^\s()<>]*)>?(?:[ ]+[\"'][^\n]*[\"'])?[ ]?\)|\[[^\[\]\n]*\])"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LONGEST_TITLE = 200
_LONGEST_SIMPLE = 40
_FIRST_WORDS = (
    "图 Image image img picture 阅读 继续 点击 Read read 分类 标签 最近 最新 近期 热门 智能 友情 随机 推荐 "
    "相关 评论 Recent References Visible 你也许还 发表 文章分类 网站统计 参与 已有 上一页 下一页 Page"
)
# First words of lines that the complete patterns have to decide about.
_NOT_SIMPLE = (*MONTHS, *_FIRST_WORDS.split())
_GLUED_END = "最近评论"


class TitleLine(NamedTuple):
    """The title above a By line: offset of its block, text, archive id and URL.

    `problem` is set instead of `title` where no line can be the title; `after_end` where the end of another
    capture is glued to the title.
    """

    start: int
    title: str = ""
    address: tuple[int, str] | None = None
    month_day: str | None = None
    problem: str | None = None
    after_end: bool = False


def title_above(text: str, low: int, end: int, site: SiteProfile) -> TitleLine:
    """Return the title in the lines of `text` between the offsets `low` and `end`, read upwards.

    Rules, date badges, images and bare addresses are passed over.
    """
    simple = _simple_title(text, low, end)
    if simple is not None:
        return simple
    badge: str | None = None
    below = end
    while below > low:
        newline = text.rfind("\n", low, below - 1 if below > low else below)
        start = max(newline + 1, low)
        line = text[start:below].strip()
        if line and _NO_TITLE.match(line) is None:
            return _titled(text, low, start, line, badge, site)
        badge = badge or badge_day(line)
        if newline < 0:
            break
        below = newline
    return TitleLine(start=end, problem="no title above it, skipped")


def _simple_title(text: str, low: int, end: int) -> TitleLine | None:
    """Return the line above as the title if it is plain and follows a paragraph; None asks for more."""
    start = text.rfind("\n", low, end - 1) + 1
    line = text[start : end - 1]
    if (
        start <= low
        or len(line) > _LONGEST_SIMPLE
        or _PLAIN.match(line) is None
        or line.startswith(_NOT_SIMPLE)
        or "://" in line
        or "(/" in line
        or _NO_TITLE.match(line) is not None
    ):
        return None
    above = text.rfind("\n", low, start - 1)
    return TitleLine(start, line) if start - max(above, low) > _LONGEST_SIMPLE else None


def _titled(text: str, low: int, start: int, line: str, badge: str | None, site: SiteProfile) -> TitleLine:
    after_end = line.startswith(_GLUED_END) and len(line) > len(_GLUED_END) + 1
    if after_end:
        line = line[len(_GLUED_END) :].lstrip()
    title, address = clean_title(line, site)
    problem = title_problem(title)
    if problem is not None:
        at = text.find("\n", start)
        return TitleLine(start=at if at >= 0 else start, problem=problem)
    if after_end:
        start = text.index(_GLUED_END, start) + len(_GLUED_END)
        return TitleLine(start=start, title=title, address=address, month_day=badge, after_end=True)
    top, badge = _block_start(text, low, start, badge)
    return TitleLine(start=top, title=title, address=address, month_day=badge)


def _block_start(text: str, low: int, start: int, badge: str | None) -> tuple[int, str | None]:
    """Move the start of a title block above the blank, badge, rule and tag lines before it."""
    top = start
    while top > low:
        newline = text.rfind("\n", low, top - 1)
        line = text[max(newline + 1, low) : top].strip()
        if line and _NO_TITLE.match(line) is None:
            break
        badge = badge or badge_day(line)
        if newline < 0:
            break
        top = newline + 1
    return top, badge


CITED = re.compile(
    rf"\(({_MONTH})\.?\s+([0-9]{{1,2}}),\s*([0-9]{{4}})\)\.\s*《(.{{1,200}}?)\s?》\s*\\?\[Blog post\\?\]"
)
"""The citation of a post: month, day, year and title."""


@cache
def cited_id(site: SiteProfile) -> re.Pattern[str]:
    """Compile the BibTeX key of a post, whose group is its number."""
    return re.compile(rf"@online\{{{re.escape(site.citation_prefix)}-([0-9]{{1,9}})\b")


@cache
def suffix(site: SiteProfile) -> re.Pattern[str]:
    """Compile the blog's name at the end of a page title, in one or both languages."""
    names = "|".join(re.escape(name) for name in {site.name, site.name_en} if name)
    return re.compile(rf"\s*-\s*(?:{names})(?:\s*\|\s*(?:{names}))?\s*\Z")


def is_window_title(line: str, site: SiteProfile) -> bool:
    """Return whether a line ends in the name of the blog, as titles of windows do."""
    return suffix(site).search(line) is not None


def clean_title(line: str, site: SiteProfile) -> tuple[str, tuple[int, str] | None]:
    """Return the title in `line` without marks of Markdown, and the address if it is a link."""
    line = line.strip()
    if _PLAIN.match(line) is not None and site.name not in line and "://" not in line and "(/" not in line:
        return line, None
    is_heading = line.startswith("#")
    line = _ANCHOR_SIGN.sub("", _WRAPPING_TAG.sub(r"\2", _LEADING.sub("", line)))
    if is_heading:
        line = line.rstrip("# ")
    for mark in ("**", "__", "*", "_", "`"):
        if line.startswith(mark) and line.endswith(mark) and len(line) > 2 * len(mark):
            line = line[len(mark) : -len(mark)].strip()
    address = None
    behind = _BEHIND.search(line)
    if behind is not None and (address := site.match_post(behind["href"])) is not None:
        line = line[: behind.start()]
    link = _LINK.fullmatch(line)
    if link is not None:
        line, address = link["text"], site.match_post(link["href"])
    if "\\" in line:
        line = _ESCAPE.sub(r"\1", line)
    return suffix(site).sub("", line).strip(), address


def title_problem(title: str) -> str | None:
    """Return why `title` cannot be a title, None if it can."""
    if not title or _NEVER_TITLE.match(title) is not None:
        return "no title above it, skipped"
    if len(title) > _LONGEST_TITLE:
        return f"the line above it is no title ({len(title)} characters), skipped"
    if title[-1] in "。；，," or "。" in title:
        return f"the line above it is no title (‹{title[-20:]}›), skipped"
    if "\ufffd" in title:
        return f"its title is damaged (‹{title[:40]}›): save the capture again in UTF-8, skipped"
    return None


def may_be_title(line: str) -> bool:
    """Return whether the last line of a cut capture could be the title of the next post."""
    line = line.strip()
    return len(line) <= 60 and not line.endswith(("。", "；", ";", "：", ":", "，", ",", "$", "}"))


@cache
def month_day(day: str, month: str) -> str | None:
    """Return "08-14" for "14", "Aug"; None for a day that is in no year."""
    shown = day_of(2024, month, day)  # a leap year
    return None if shown is None else f"{shown:%m-%d}"


def badge_day(line: str) -> str | None:
    """Return the "MM-DD" of a line that is a date badge."""
    found = re.fullmatch(rf"([0-9]{{1,2}})[ ]{{0,4}}({_MONTH})", line)
    return None if found is None else month_day(found[1], found[2])


@dataclass(frozen=True, slots=True)
class Footer:
    """Category, tags and comments below a post; None for what is not printed."""

    category: str | None = None
    tags: tuple[str, ...] | None = None
    comments: int | None = None


_FOOTER = re.compile(rf"\n{_LEAD}(?P<footer>{_FOOTER_LINE})")
_MD_LINK = re.compile(r"\[([^\[\]]{0,80})\](?:\([^()]{0,300}\)|\[[0-9]{1,3}\])")
_CATEGORY = re.compile(r"分类[:：]\s{0,4}([^\s:：]+)(?=\s)")
_TAGS = re.compile(r"\s{0,9}标签[:：]")
_TAG_GAP = re.compile(r"\s*(?=[,，])|(?<=[,，])\s*")
_NO_TAG = re.compile(r"[<>|»《》。\n]|[^,，]{31}")
_COMMENTS = re.compile(r"阅读全文\s{0,9}([0-9]{1,9})\s{0,9}评论")
_COMMENT_HEAD = re.compile(r"(?:\n|已有)[#* ]{0,6}([0-9]{1,6})[ ]?条评论")


def footer_of(tail: str) -> Footer:
    """Return what the first footer `分类:… 标签:… 阅读全文 N 评论` in `tail` prints.

    A footer that ends before 阅读全文 or its line end was cut: its last tag may be incomplete, so no tag is
    returned.
    """
    line = _FOOTER.search(tail)
    if line is None:
        return Footer()
    at = line.start("footer")
    block = html.unescape(_MD_LINK.sub(r"\1", tail[at : at + 900])).replace("\xa0", " ")
    found = _CATEGORY.match(block)
    if found is None:
        return Footer()
    comments = _COMMENTS.search(block)
    tags = _TAGS.match(block, found.end())
    return Footer(
        category=found[1],
        tags=None if tags is None else _tags(block[tags.end() :]),
        comments=None if comments is None else int(comments[1]),
    )


def _tags(rest: str) -> tuple[str, ...] | None:
    """Return the tags behind 标签, on the same or the next line; None if they end in what is no tag."""
    line, newline, behind = _TAG_GAP.sub("", rest).lstrip(" \n").partition("\n")
    if rest.lstrip(" ").startswith("\n") and not behind.strip():
        newline = ""  # where each tag has its own line, another may be cut
    shown, read_all, _ = line.partition("阅读全文")
    if _NO_TAG.search(shown) is not None:
        return None
    return split_tags(shown.rstrip(" [")) if newline or read_all else None


def split_tags(line: str) -> tuple[str, ...] | None:
    """Return the tags of `优化, GAN, 扩散`; () for an empty line, None for `,,`, whose tags were dropped."""
    tags = tuple(tag for tag in (part.strip() for part in re.split("[,，]", line)) if tag)
    return tags if tags or not line.strip() else None


def comment_head(tail: str) -> int | None:
    """Return the count in the heading `14 条评论` of a post's own page."""
    found = _COMMENT_HEAD.search(tail)
    return None if found is None else int(found[1])


LONGEST = 1000
"""Maximum length in characters of an excerpt without a fold; the author's excerpts have 300 to 700."""


def bounded(text: str) -> str:
    """Return the leading lines of `text` that fit into LONGEST characters; a longer first line is cut."""
    if len(text) <= LONGEST:
        return text
    end = text.rfind("\n", 0, LONGEST + 1)
    return text[:end].rstrip() if end > 0 else text[:LONGEST]
