"""Lists of posts as files: BibTeX, Markdown, CSV, JSON."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from bot.messages.citation import bibtex
from storage.model import Post

CONTENT_TYPES = {
    "bib": "application/x-bibtex; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
COLUMNS = ("title", "date", "readers", "comments", "category", "tags", "series", "episode", "url")
Address = Callable[[Post], str]


def write_list(posts: Sequence[Post], kind: str, title: str, address: Address) -> bytes:
    """Return the posts in the format `kind`; `address` gives a post's link."""
    match kind:
        case "bib":
            return ("\n\n".join(dict.fromkeys(bibtex(post) for post in posts)) + "\n").encode()
        case "md":
            return _markdown(posts, title, address).encode()
        case "csv":
            return _csv(posts, address).encode("utf-8-sig")  # the mark makes spreadsheets read UTF-8
        case "json":
            return (
                json.dumps([_row(post, address) for post in posts], ensure_ascii=False, indent=1) + "\n"
            ).encode()
        case _:
            raise ValueError(f"unknown file format: {kind}")


def _markdown(posts: Sequence[Post], title: str, address: Address) -> str:
    lines = [f"# {title}", ""]
    for post in posts:
        escaped = "".join(f"\\{c}" if c in "\\[]*_`<>#" else c for c in post.title)
        lines.append(f"- [{escaped}]({address(post)}){'' if post.date is None else f' {post.date}'}")
    return "\n".join(lines) + "\n"


def _csv(posts: Sequence[Post], address: Address) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS)
    writer.writeheader()
    for post in posts:
        row = _row(post, address)
        writer.writerow({**row, "title": _cell(post.title), "tags": "; ".join(post.tags or ())})
    return target.getvalue()


def _cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _row(post: Post, address: Address) -> dict[str, object]:
    return {
        "title": post.title,
        "date": None if post.date is None else post.date.isoformat(),
        "readers": post.readers,
        "comments": post.comments,
        "category": post.category,
        "tags": list(post.tags or ()),
        "series": post.series,
        "episode": post.episode,
        "url": address(post),
    }
