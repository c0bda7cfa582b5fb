"""Views of post lists: a page with a line per post, shared by all lists.

A line's title is a deep link to the card; without the bot's username numbered buttons open it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.callbacks import actions
from bot.messages.elements import (
    PER_PAGE,
    Page,
    Row,
    heading,
    in_rows,
    item,
    items,
    label,
    paging,
    paragraph,
    press,
    usual,
)
from bot.messages.i18n import Words
from bot.messages.links import deep_link, post_url
from bot.messages.notices import notice
from bot.render.document import Block, Bold, Button, Inline, Item, Items, Keyboard, Link, Message, Text
from bot.text_sanitizer import one_line
from storage.model import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A post in a list. `title` is how it is called there: within its series, without the series' name.

    `label` replaces its number in the list, `note` its date and readers.
    """

    post: Post
    title: str
    label: str | None = None
    note: str | None = None
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Episodes `episode` to `last` (None: only the one) that exist but are not stored; a title if known."""

    episode: int
    last: int | None = None
    title: str | None = None

    @property
    def count(self) -> int:
        return 1 if self.last is None else self.last - self.episode + 1

    @property
    def label(self) -> str:
        return str(self.episode) if self.last is None else f"{self.episode}–{self.last}"


def listing(
    title: str,
    page: Page[Line],
    words: Words,
    bot: str | None,
    to: Callable[[int], actions.Action],
    below: Keyboard = (),
) -> Message:
    """Return a page under its title; `to` is the action that turns to another page."""
    body: tuple[Block, ...] = (heading(title), entries(page, words, bot))
    return Message(body=body, keyboard=(*keys_of(page, bot), *paging(page, to), *below))


def entries(page: Page[Line] | Page[Line | Gap], words: Words, bot: str | None) -> Items:
    """Return the lines of a page, each with its number in the whole list."""
    lines: list[Item] = []
    for index, line in page.numbered():
        if isinstance(line, Gap):
            title = f"{one_line(line.title)}  " if line.title else ""
            lines.append(item(f"◌ {title}{words.text('未收录')}", label=line.label))
        else:
            note = line.note if line.note is not None else date_and_readers(line.post, words)
            linked = link_to(line.post, words, bot, line.title)
            lines.append(item("✓ " if line.read else "", linked, after(note), label=line.label or str(index)))
    return items(lines)


def link_to(post: Post, words: Words, bot: str | None, title: str | tuple[Inline, ...] = "") -> Link:
    """Return the title as a link to a post's card; to the blog without the bot's username."""
    shown = title if isinstance(title, tuple) else (Text(one_line(title or post.title)),)
    return Link(deep_link(bot, actions.ShowPost(post.id)) or post_url(post, words.site), shown)


def after(said: str | None) -> str:
    """Return what stands in a line behind a title."""
    return f"  {said}" if said else ""


def date_and_readers(post: Post, words: Words) -> str:
    """Return date and readers, as far as they are known."""
    readers = words.short_number(post.readers) if post.readers is not None else None
    return " · ".join(part for part in (words.date_of(post), readers) if part)


def keys_of(page: Page[Line] | Page[Line | Gap], bot: str | None) -> tuple[Row, ...]:
    """Return the buttons of a page's stored posts, labelled as their lines are."""
    lines = ((index, line) for index, line in page.numbered() if isinstance(line, Line))
    return number_keys(((line.label or str(index), line.post.id) for index, line in lines), bot)


def number_keys(labelled: Iterable[tuple[str, int]], bot: str | None) -> tuple[Row, ...]:
    """Return a button for each (label, post); none if the lines are deep links."""
    if bot:
        return ()
    return in_rows((press(name, actions.ShowPost(post)) for name, post in labelled), PER_PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Readers that a post gained between its first and latest capture.

    `days` lie between them (at least 1); None if their times are not known to be apart.
    """

    post: Post
    readers: int
    days: int | None


def latest(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """Return the newest posts."""
    title = words.count("最近的文章 · 共 {n} 篇", page.total)
    return listing(title, page, words, bot, actions.Latest)


def saved(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """Return the posts that a reader has saved, unread ones first, then the last one saved."""
    if not page.total:
        said = words.text("还没有收藏。看文章时点「☆ 收藏」，就会出现在这里。")
        return notice(said, *usual(words, actions.Latest()))
    below = ((files_button(actions.ListKind.SAVED, 0, words),),)
    return listing(words.count("收藏 · {n} 篇", page.total), page, words, bot, actions.Saved, below)


def related(post: Post, page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """Return the posts that a post cites and that cite it; a line's note says which."""
    title = words.text("与《{title}》相关", title=one_line(post.title))
    back = ((press(words.text("‹ 回到文章"), actions.ShowPost(post.id)),),)
    return listing(title, page, words, bot, lambda number: actions.Related(post.id, number), back)


def hot(page: Page[Gain], words: Words, *, bot: str | None = None) -> Message:
    """Return the posts that gained most readers, each with the days between its captures."""
    if not page.total:
        said = words.text("还看不出来：同一篇文章要有两份快照，才能比较读者的增长。")
        return notice(said, *usual(words, actions.Latest()))
    spans = {gain.days for gain in page.items}
    days = spans.pop() if len(spans) == 1 else None
    lines = tuple(
        Line(post=gain.post, title=gain.post.title, note=_gained(gain, words, named=days is not None))
        for gain in page.items
    )
    shown = Page(items=lines, number=page.number, of=page.of, total=page.total)
    title = words.text("读者增长最快") if days is None else words.count("{n} 天里读者增长最快", days)
    return listing(title, shown, words, bot, actions.Hot)


def _gained(gain: Gain, words: Words, *, named: bool) -> str:
    """Return the gain of a post and in how many days, unless the title has `named` them."""
    readers = gain.post.readers or 0
    if named:
        return words.text("+{gain} → {readers}", gain=gain.readers, readers=readers)
    if gain.days is None:
        return words.text("+{gain}（自首份快照）→ {readers}", gain=gain.readers, readers=readers)
    return words.count("+{gain}（{n} 天）→ {readers}", gain.days, gain=gain.readers, readers=readers)


_LONGEST: Final = 10  # cells of the largest number of a chart


def bar(have: int, of: int, cells: int = 14) -> str:
    """Return `have` of `of` as ▓▓▓░: full only if all are there, begun if any is."""
    if of <= 0:
        return ""
    filled = _filled(have, of, cells)
    return "▓" * filled + "░" * (cells - filled)


def bar_chart(rows: Sequence[tuple[str, int]], words: Words) -> Items:
    """Return a line for each (name, number): a bar relative to the largest, and the number."""
    most = max((number for _, number in rows), default=0)
    lines = (
        item(f"{'▓' * _filled(number, most, _LONGEST)} {words.number(number)}", label=name)
        for name, number in rows
    )
    return items(lines)


def _filled(have: int, of: int, cells: int) -> int:
    if have <= 0 or of <= 0:
        return 0
    return max(1, min(cells, have * cells // of))


def years(posts: tuple[tuple[int, int], ...], words: Words) -> Message:
    """Return all years with their number of posts, newest first: a chart, and a button for each."""
    head = words.count("归档 · {n} 篇", sum(number for _, number in posts))
    chart = bar_chart([(str(year), number) for year, number in posts], words)
    keys = in_rows((press(str(year), actions.Archive(year)) for year, _ in posts), 6)
    return Message(body=(heading(head), chart), keyboard=keys)


def months(year: int, posts: tuple[tuple[int, int], ...], words: Words) -> Message:
    """Return the months of a year that have posts: a chart, and a button for each."""
    head = words.count("{year} 年 · {n} 篇", sum(number for _, number in posts), year=str(year))
    chart = bar_chart([(words.month_name(month), number) for month, number in posts], words)
    keys = in_rows((press(words.month_name(month), actions.Archive(year, month)) for month, _ in posts), 4)
    back = usual(words, actions.Archive())
    return Message(body=(heading(head), chart), keyboard=(*keys, back))


def posts_of_month(
    year: int, month: int, page: Page[Line], words: Words, *, bot: str | None = None
) -> Message:
    """Return the posts of one month, newest first."""
    title = f"{words.month(year, month)} · {words.count('{n} 篇', page.total)}"
    back = ((press(f"‹ {year}", actions.Archive(year)),),)
    return listing(title, page, words, bot, lambda number: actions.Archive(year, month, number), back)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a text; `hit` if it matches the search."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A search result: the title and a line of the tags or the excerpt with the words marked, or ()."""

    post: Post
    title: tuple[Span, ...]
    context: tuple[Span, ...] = ()
    in_tags: bool = False
    read: bool = False


def search_results(
    phrase: str,
    first: actions.SearchPage,
    page: Page[Found],
    words: Words,
    *,
    whole: bool = True,
    bot: str | None = None,
) -> Message:
    """Return the results for `phrase`, of which `first` is page 1; matches are bold, in their context.

    `whole` if some result holds all words; else they are called the closest.
    """
    title = words.count("「{phrase}」 · {n} 篇", page.total, phrase=one_line(phrase))
    lines = []
    for index, found in page.numbered():
        children: list[Inline | str] = ["✓ " if found.read else ""]
        children.append(link_to(found.post, words, bot, _spans(found.title)))
        children.append(after(date_and_readers(found.post, words)))
        if found.context:
            guessed = "≈ " if found.in_tags and found.post.tags is None else ""
            source = words.text("标签") if found.in_tags else words.text("摘要")
            children += [f"\n{source} · {guessed}", *_spans(found.context)]
        lines.append(item(*children, label=str(index)))
    closest = () if whole else (paragraph(words.text("没有全部匹配的文章，最接近的是：")),)
    keys = number_keys(((str(index), found.post.id) for index, found in page.numbered()), bot)
    pages = paging(page, lambda at: replace(first, page=at))
    below = (files_button(actions.ListKind.SEARCH, first.phrase, words),)
    body: tuple[Block, ...] = (heading(title), *closest, items(lines))
    return Message(body=body, keyboard=(*keys, *pages, below))


def files_button(kind: actions.ListKind, number: int, words: Words) -> Button:
    """Return the button that offers a list as a file."""
    return press(words.text("下载"), actions.Files(kind, number))


def files(title: str, posts: int, action: actions.Files, words: Words) -> Message:
    """Return the formats in which the list `title` of so many posts is sent."""
    said = words.count("「{title}」的 {n} 篇文章，要哪种文件？", posts, title=label(title, 64))
    row = tuple(
        press(_FORMS[form], actions.SendFile(action.kind, form, action.number)) for form in actions.FileForm
    )
    return Message(body=(paragraph(said),), keyboard=(row, usual(words, actions.Dismiss())))


_FORMS: Final = {"bib": "BibTeX", "md": "Markdown", "csv": "CSV", "json": "JSON"}


def file_sent(title: str, posts: int, words: Words) -> Message:
    """Return the caption of a list that was sent as a file."""
    return notice(words.count("{title} · {n} 篇", posts, title=label(title, 64)))


def _spans(spans: tuple[Span, ...]) -> tuple[Inline, ...]:
    return tuple(Bold((Text(span.text),)) if span.hit else Text(span.text) for span in spans)
