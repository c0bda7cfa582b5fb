# ruff: noqa: E501 - markup stays on its lines
"""A Typecho on the loopback with the traits of 1.1, 1.2.1, 1.3.0 and master: feeds, pages, redirects.

Written from measurements of the real versions; `Typecho.respond` returns the response to one path. The page
layouts are the blog's own theme and Typecho's default theme.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Literal

from tests.fakes.blog import Blog, Say, moved, page

Version = Literal["1.1", "1.2.1", "1.3.0", "master"]
VERSIONS: tuple[Version, ...] = ("1.1", "1.2.1", "1.3.0", "master")
Theme = Literal["kexue", "default"]

IN_FEED = 10
PER_PAGE = 8
BLOG_ZONE = timezone(timedelta(hours=8))
PASSWORD_TITLE = "此内容被密码保护"
FOLD = "<!--more-->"
_TAG = re.compile(r"<[A-Za-z/!][^>]*>?")  # PHP's strip_tags: a "<" before a letter opens a tag
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(kw_only=True)
class Entry:
    """One post as its author wrote it; `html` may contain FOLD."""

    number: int
    title: str
    html: str
    at: datetime
    category: str = "信息时代"
    tags: tuple[str, ...] = ()
    comments: int = 0
    password: bool = False
    visible: bool = True  # False: a draft

    @property
    def stored_title(self) -> str:
        """Return the title as Typecho stores it: escaped once."""
        return html.escape(self.title).replace("&#x27;", "&#039;")


@dataclass
class Typecho:
    """One installation. `now` decides which scheduled posts are public; PHP prints dates in `php_zone`."""

    version: Version
    theme: Theme = "kexue"
    permalink: str = "/archives/{id}"
    name: str = "科学空间"
    author: str = "苏剑林"
    php_zone: timezone = UTC
    notice: bool = False  # a PHP notice before the XML prolog
    down: bool = False
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    entries: list[Entry] = field(default_factory=list)

    def add(self, title: str, text: str, at: datetime | None = None, **given: object) -> Entry:
        """Publish a post under the next number; SQLite gives the number of a deleted last post again."""
        number = max((entry.number for entry in self.entries), default=0) + 1
        values = {"number": number, "title": title, "html": text, "at": at or self.now, **given}
        entry = Entry(**values)  # type: ignore[arg-type]
        self.entries.append(entry)
        return entry

    def delete(self, entry: Entry) -> None:
        self.entries.remove(entry)

    def public(self) -> list[Entry]:
        """Return the posts on the list pages, newest first."""
        shown = [entry for entry in self.entries if entry.visible and entry.at <= self.now]
        return sorted(shown, key=lambda entry: (entry.at, entry.number), reverse=True)

    def serve(self, blog: Blog, name: str | None = None) -> None:
        """Answer every path of `blog` without a page; other hosts than `name` redirect to it."""

        def respond(path: str, headers: Mapping[str, str]) -> Say:
            host = headers.get("host", blog.host)
            if name is not None and host.partition(":")[0] != name:
                return moved(f"http://{name}:{blog.port}{path}")
            return self.respond(path, host)

        blog.fallback = respond

    def respond(self, path: str, host: str) -> Say:
        """Return the response to `path`; links carry the host of the request."""
        if self.down:
            return page(b"Database Server Error", status=500 if self.version == "1.1" else 503)
        root = f"http://{host}"
        for pattern, answer in self._routes():
            if (found := re.fullmatch(pattern, path)) is not None:
                return answer(root, found)
        return self._not_found()

    def _routes(self) -> list[tuple[str, Callable[[str, re.Match[str]], Say]]]:
        post = re.escape(self.permalink).replace(r"\{id\}", r"([0-9]+)").rstrip("/") + "/?"
        return [
            (r"/feed", self._feed_without_slash),
            (r"/feed/", lambda root, _: self._feed(root, 1)),
            (r"/feed/page/([0-9]+)/", self._feed_page),
            (r"/feed/atom/", lambda root, _: self._atom(root)),
            (r"/", lambda root, _: self._list(root, 1)),
            (r"/page/([0-9]+)/", lambda root, found: self._list(root, int(found[1]))),
            (r"/content\.html", lambda root, _: self._archive(root)),
            (post, lambda root, found: self._post(root, int(found[1]))),
        ]

    def _not_found(self) -> Say:
        body = (
            f"<!DOCTYPE html><html><head><title>页面没找到 - {self.name}</title></head><body></body></html>"
        )
        return page(body.encode(), status=404)

    def _feed_without_slash(self, root: str, _found: re.Match[str]) -> Say:
        return self._feed(root, 1) if self.version == "1.1" else moved(f"{root}/feed/")

    def _feed_page(self, root: str, found: re.Match[str]) -> Say:
        return self._feed(root, int(found[1])) if self.version == "1.1" else self._not_found()

    def _address(self, root: str, entry: Entry) -> str:
        return root + self.permalink.replace("{id}", str(entry.number))

    def _feed(self, root: str, number: int) -> Say:
        """RSS 2.0 without the posts that have a password."""
        open_posts = [entry for entry in self.public() if not entry.password]
        shown = open_posts[(number - 1) * IN_FEED : number * IN_FEED]
        built = format_datetime(datetime(1970, 1, 1, tzinfo=UTC) if not shown else shown[0].at)
        items = "\n".join(self._item(root, entry) for entry in shown)
        notice = (
            "<br />\n<b>Notice</b>:  Undefined variable in <b>/var/www/x.php</b><br />\n"
            if self.notice
            else ""
        )
        body = (
            f'{notice}<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
            'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
            'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:wfw="http://wellformedweb.org/CommentAPI/">\n'
            f"<channel><title>{html.escape(self.name)}</title><link>{root}/</link>"
            f"<lastBuildDate>{built}</lastBuildDate><pubDate>{built}</pubDate>\n{items}\n</channel></rss>"
        )
        return page(body.encode(), Content_Type="application/rss+xml; charset=UTF-8")

    def _item(self, root: str, entry: Entry) -> str:
        address = self._address(root, entry)
        categories = (
            "" if self.version in {"1.1", "1.2.1"} else f"<category><![CDATA[{entry.category}]]></category>"
        )
        comments = {
            "1.1": f"{address}/feed",
            "1.2.1": f"{root}/feed/",
            "1.3.0": f"{address}/feed",
        }.get(self.version)
        wfw = f"<wfw:commentRss>{comments}</wfw:commentRss>" if comments else ""
        return (
            f"<item><title>{html.escape(entry.stored_title)}</title><link>{address}</link>"
            f"<guid>{address}</guid><pubDate>{format_datetime(entry.at.astimezone(self.php_zone))}</pubDate>"
            f"<dc:creator>{self.author}</dc:creator>{categories}"
            f"<description><![CDATA[{_description(entry)}]]></description>"
            f'<content:encoded xml:lang="zh-CN"><![CDATA[\n{self._content(entry, address)}\n]]></content:encoded>'
            f"<slash:comments>{entry.comments}</slash:comments><comments>{address}#comments</comments>{wfw}</item>"
        )

    def _atom(self, root: str) -> Say:
        entries = "".join(
            f'<entry><title type="html"><![CDATA[{entry.stored_title}]]></title>'
            f'<link rel="alternate" type="text/html" href="{self._address(root, entry)}" />'
            f"<id>{self._address(root, entry)}</id>"
            f"<updated>{entry.at.astimezone(self.php_zone).isoformat()}</updated>"
            f"<published>{entry.at.astimezone(self.php_zone).isoformat()}</published>"
            f'<summary type="html"><![CDATA[{_description(entry)}]]></summary>'
            f'<content type="html"><![CDATA[{self._content(entry, self._address(root, entry))}]]></content></entry>'
            for entry in self.public()[:IN_FEED]
            if not entry.password
        )
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
            f'<title type="text">{html.escape(self.name)}</title>{entries}</feed>'
        )
        return page(body.encode(), Content_Type="application/atom+xml; charset=UTF-8")

    def _content(self, entry: Entry, address: str) -> str:
        """Return the text up to the fold with the link to the rest, or the whole text."""
        above, fold, _ = entry.html.partition(FOLD)
        more = f'<p class="more"><a href="{address}" title="{entry.stored_title}">[...]</a></p>'
        return above + more if fold else entry.html

    def _list(self, root: str, number: int) -> Say:
        shown = self.public()[(number - 1) * PER_PAGE : number * PER_PAGE]
        if not shown and number > 1 and self.version != "1.1":
            return self._not_found()
        blocks = "\n".join(self._block(root, entry, number == 1) for entry in shown)
        return self._page(self.name, blocks)

    def _block(self, root: str, entry: Entry, home: bool) -> str:
        title = PASSWORD_TITLE if entry.password else entry.stored_title
        address = self._address(root, entry)
        above, fold, _ = ("", "", "") if entry.password else entry.html.partition(FOLD)
        if self.theme == "default":
            more = f'<p class="more"><a href="{address}">- 阅读剩余部分 -</a></p>' if fold else ""
            return (
                f'<article class="post" itemscope><h2 class="post-title" itemprop="name headline">'
                f'<a itemprop="url" href="{address}">{title}</a></h2>{self._meta(root, entry, address)}'
                f'<div class="post-content" itemprop="articleBody">{above}{more}</div></article>'
            )
        day = entry.at.astimezone(BLOG_ZONE)
        by_line = (
            "" if home else f'<span class="submitted">By {self.author} | {day:%Y-%m-%d} | 0位读者</span>'
        )
        more = f'<a href="{address}" class="more-link">点击阅读全文...</a>' if fold else ""
        return (
            f'<div class="Post"><div class="title-wrap"><span class="date"><span class="day">{day.day}</span> '
            f'{_MONTHS[day.month - 1]}</span><h2><a href="{address}">{title}</a></h2>{by_line}</div>'
            f'<div class="PostContent">{above}{more}</div><div class="tools">'
            f"{self._labels(root, entry)}<span>阅读全文 {entry.comments} 评论</span></div></div>"
        )

    def _labels(self, root: str, entry: Entry) -> str:
        tags = ", ".join(f'<a href="{root}/tag/{tag}/">{tag}</a>' for tag in entry.tags)
        return (
            f'<span class="cat">分类：<a href="{root}/category/{entry.category}">{entry.category}</a>'
            f"&nbsp; &nbsp;标签：{tags}</span>"
        )

    def _meta(self, root: str, entry: Entry, address: str) -> str:
        day = entry.at.astimezone(BLOG_ZONE)
        stated = day.replace(microsecond=0, tzinfo=self.php_zone)  # the blog's wall time with PHP's offset
        return (
            f'<ul class="post-meta"><li>作者: <a href="{root}/author/1/" rel="author">{self.author}</a></li>'
            f'<li>时间: <time datetime="{stated.isoformat()}" itemprop="datePublished">{day:%Y-%m-%d}</time></li>'
            f'<li>分类: <a href="{root}/category/{entry.category}/">{entry.category}</a></li>'
            f'<li><a itemprop="discussionUrl" href="{address}#comments">{entry.comments} 条评论</a></li></ul>'
        )

    def _archive(self, root: str) -> Say:
        """Return the page of all posts; the default theme has none."""
        if self.theme == "default":
            return self._not_found()
        years: dict[int, dict[int, list[str]]] = {}
        for entry in self.public():
            day = entry.at.astimezone(BLOG_ZONE)
            title = PASSWORD_TITLE if entry.password else entry.stored_title
            address = self._address(root, entry)
            line = f'<li>{day:%d}日: <a href="{address}">{title}</a> (<a href="{address}#c">{entry.comments}</a>)</li>'
            years.setdefault(day.year, {}).setdefault(day.month, []).append(line)
        body = "".join(
            f"<h3>{year}年 (共{sum(map(len, months.values()))}篇)</h3><ul>"
            + "".join(
                f"<li><span>{month:02}月</span><ul>{''.join(days)}</ul></li>"
                for month, days in months.items()
            )
            + "</ul>"
            for year, months in years.items()
        )
        return self._page(
            f"文章归档 - {self.name}", f'<div class="Post"><div class="PostContent">{body}</div></div>'
        )

    def _post(self, root: str, number: int) -> Say:
        entry = next((entry for entry in self.public() if entry.number == number), None)
        if entry is None:
            return self._not_found()
        if entry.password:
            form = '<form class="protected"><p class="word">请输入密码访问</p></form>'
            return page(_document(PASSWORD_TITLE, "", form), status=403)
        address = self._address(root, entry)
        described = html.escape(_description(entry))
        head = f'<meta name="description" content="{described}" />'
        if self.version == "master":
            head += f'<meta property="og:url" content="{address}" /><meta name="twitter:description" content="{described}" />'
        day = entry.at.astimezone(BLOG_ZONE)
        if self.theme == "default":
            tags = ", ".join(f'<a href="{root}/tag/{tag}/">{tag}</a>' for tag in entry.tags) or "none"
            body = (
                f'<article class="post" itemscope><h1 class="post-title" itemprop="name headline">'
                f'<a itemprop="url" href="{address}">{entry.stored_title}</a></h1>{self._meta(root, entry, address)}'
                f'<div class="post-content" itemprop="articleBody">{entry.html}</div>'
                f'<p itemprop="keywords" class="tags">标签: {tags}</p></article>'
            )
        else:
            body = (
                f'<div class="Post"><div class="title-wrap"><h1><a href="{address}">{entry.stored_title}</a></h1>'
                f'<span class="submitted"><span>By</span> <span>{self.author}</span> | <span>{day:%Y-%m-%d}</span>'
                f' | 0位读者</span></div><div class="PostContent" id="PostContent">{entry.html}</div></div>'
                f'<div id="tools" class="tools">{self._labels(root, entry)} 已有 {entry.comments} 条评论</div>'
            )
        return self._page(f"{entry.stored_title} - {self.name}", body, head)

    def _page(self, title: str, body: str, head: str = "") -> Say:
        return page(_document(title, head, body), Content_Type="text/html; charset=UTF-8")


def _document(title: str, head: str, body: str) -> bytes:
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="UTF-8" /><title>{title}</title>{head}</head>'
        f'<body>\n<div id="content">{body}</div>\n</body></html>'
    ).encode()


def _description(entry: Entry) -> str:
    """Return strip_tags of the excerpt cut at 97 characters, as Typecho does."""
    above = entry.html.partition(FOLD)[0]
    plain = " ".join(_TAG.sub("", above).split())
    return plain if len(plain) <= 100 else plain[:97] + "..."
