"""What the blog's template prints around a post on every page: By line, badge, category, tags, comments."""

import re
from collections.abc import Iterator
from datetime import date

from selectolax.lexbor import LexborNode

from bot.intake.layouts.home import MONTHS, month_day
from bot.intake.layouts.markup import Page, one_line

_DATE = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_READERS = re.compile(r"([0-9]{1,15})\s*位读者")
_BADGE = re.compile(rf"([0-9]{{1,2}})\s*({'|'.join(MONTHS)})\b")
_COMMENTS = re.compile(r"([0-9]{1,9})\s{0,9}条?\s{0,9}评论")


def by_line(block: LexborNode) -> tuple[date | None, int | None]:
    """Date and readers of `By 苏剑林 | 2022-03-09 | 78384位读者 | 引用`, in whatever variant."""
    text = one_line(block.css_first(".submitted"))
    shown, readers = _DATE.search(text), _READERS.search(text)
    try:
        day = None if shown is None else date.fromisoformat(shown[0])
    except ValueError:
        day = None
    return day, None if readers is None else int(readers[1])


def badge(block: LexborNode) -> str | None:
    """The "MM-DD" of a block's date badge."""
    shown = block.css_first("span.date")
    found = None if shown is None else _BADGE.search(shown.text(separator=" "))
    return None if found is None else month_day(found[1], found[2])


def category_and_tags(page: Page, line: LexborNode | None) -> tuple[str | None, tuple[str, ...] | None]:
    """From the links of `分类：… 标签：…` alone: texts have the same words. A cut line gives no tags."""
    if line is None:
        return None, None
    category = one_line(line.css_first('a[href*="/category/"]')) or None
    if not page.shows_all_of(line):
        return category, None
    tags = tuple(tag for tag in (one_line(link) for link in line.css('a[href*="/tag/"]')) if tag)
    # Extractors that drop the links leave their commas behind: then the tags are unknown, not none.
    lost = not tags and re.search(r"标签[:：]\s*[,，]", line.text())
    return category, None if lost else tags


def comment_count(text: str) -> int | None:
    """The number of `阅读全文 14 评论` or `已有 14 条评论`."""
    found = _COMMENTS.search(text)
    return None if found is None else int(found[1])


def footers(block: LexborNode) -> Iterator[LexborNode]:
    """The block and what stands between it and the next: a template may print the footer in either."""
    yield block
    sibling = block.next
    while sibling is not None and not _is_post(sibling):
        if sibling.is_element_node:
            yield sibling
        sibling = sibling.next


def _is_post(node: LexborNode) -> bool:
    return node.is_element_node and "Post" in (node.attributes.get("class") or "").split()
