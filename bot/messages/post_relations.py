"""Views of a post's citation and of the papers that it names."""

from dataclasses import dataclass
from typing import Final

from bot.callbacks.actions import ShowPost
from bot.messages.i18n import Words
from bot.messages.keyboards import Row, press
from bot.messages.links import paper_urls
from bot.render.document import (
    Block,
    Button,
    Heading,
    Inline,
    Item,
    Items,
    Link,
    Message,
    Paragraph,
    Preformatted,
    Text,
)
from bot.text_sanitizer import one_line, units
from storage.model import Post

MAX_COPY: Final = 256  # Bot API: the text of a copy button


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The blog's own form and BibTeX; `certain` is False where the key was made without an archive id."""

    text: str
    bibtex: str
    certain: bool


def citation(post: Post, cited: Citation, words: Words) -> Message:
    """Return both forms to read, and copy buttons for those that fit."""
    body: list[Block] = [
        Heading((Text(words.text("引用《{title}》", title=one_line(post.title))),)),
        Paragraph((Text(one_line(cited.text)),)),
        Preformatted(cited.bibtex),
    ]
    if not cited.certain:
        body.append(
            Paragraph((Text(words.text("这篇的归档编号还不知道：BibTeX 的键由日期和标题拟成，网址从缺。")),))
        )
    copies = [(words.text("复制引用"), one_line(cited.text)), (words.text("复制 BibTeX"), cited.bibtex)]
    row = tuple(Button(text=name, copy=text) for name, text in copies if units(text) <= MAX_COPY)
    rows: list[Row] = [row] if row else []
    return Message(body=tuple(body), keyboard=(*rows, _back(post, words)))


def papers(post: Post, titles: tuple[str, ...], words: Words) -> Message:
    """Return the papers that a post names, each with links to search for it."""
    items = tuple(Item(_paper(title), label=str(index)) for index, title in enumerate(titles, 1))
    head = words.count("文中提到的论文 · {n} 篇", len(titles))
    return Message(body=(Heading((Text(head),)), Items(items)), keyboard=(_back(post, words),))


def _paper(title: str) -> tuple[Inline, ...]:
    children: list[Inline] = [Text(one_line(title) + "\n")]
    for index, (place, address) in enumerate(paper_urls(title)):
        children += [Text(" · ")] if index else []
        children.append(Link(address, (Text(place),)))
    return tuple(children)


def _back(post: Post, words: Words) -> Row:
    return (press(words.text("‹ 回到文章"), ShowPost(post.id)),)
