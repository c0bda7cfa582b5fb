"""Lists of posts as files: BibTeX, Markdown, CSV, JSON; links and author from the profile of the blog."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

from bot.messages.citation import bibtex, citation_key
from bot.messages.links import post_url
from bot.site_profile import SiteProfile
from bot.text_sanitizer import one_line
from storage.model import Post

CONTENT_TYPES = {
    "bib": "application/x-bibtex; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
COLUMNS = ("title", "date", "readers", "comments", "category", "tags", "series", "episode", "url")
WHOLE = 100_000  # UTF-16 units of a BibTeX entry: a file has no bound
_MARKDOWN = re.compile(r"([\\\[\]*_`<>#&~|])")
# Openings of a cell that a spreadsheet may compute (OWASP, CSV Injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def write_list(posts: Sequence[Post], kind: str, title: str, site: SiteProfile) -> bytes:
    """Return the posts of `site` in the format `kind`: bib, md, csv or json."""
    match kind:
        case "bib":
            return ("\n\n".join(_entries(posts, site)) + "\n").encode()
        case "md":
            lines = [f"# {_markdown(title)}", "", *(_item(post, site) for post in posts)]
            return ("\n".join(lines) + "\n").encode()
        case "csv":
            return _csv(posts, site).encode("utf-8-sig")  # the mark makes spreadsheets read UTF-8
        case "json":
            rows = [_row(post, site) for post in posts]
            return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()
        case _:
            raise ValueError(f"unknown file format: {kind}")


def _entries(posts: Sequence[Post], site: SiteProfile) -> Iterator[str]:
    """Yield the BibTeX entries; of posts whose made-up keys agree the later ones get the post's number."""
    used = set[str]()
    for post in posts:
        entry, key = bibtex(post, site, WHOLE), citation_key(post, site)
        if key in used:
            entry = entry.replace(key, f"{key}-{post.id}", 1)
        used.add(key)
        yield entry


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def _item(post: Post, site: SiteProfile) -> str:
    day = "" if post.date is None else f" {post.date}"
    return f"- [{_markdown(post.title)}](<{post_url(post, site)}>){day}"


def _csv(posts: Sequence[Post], site: SiteProfile) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS)
    writer.writeheader()
    for post in posts:
        row = {**_row(post, site), "tags": "; ".join(post.tags or ())}
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return target.getvalue()


def _cell(value: object) -> object:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def _row(post: Post, site: SiteProfile) -> dict[str, object]:
    return {
        "title": post.title,
        "date": None if post.date is None else post.date.isoformat(),
        "readers": post.readers,
        "comments": post.comments,
        "category": post.category,
        "tags": list(post.tags or ()),
        "series": post.series,
        "episode": post.episode,
        "url": post_url(post, site),
    }
