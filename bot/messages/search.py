"""What a search found: posts, with the words marked in the title or in the text around them.

How it is found and where the marks are is decided elsewhere.
"""

from dataclasses import dataclass

from bot.messages.actions.browsing import SearchPage
from bot.messages.buttons import Page, paging
from bot.messages.characters import one_line
from bot.messages.document import Block, Bold, Heading, Inline, Item, Items, Message, Text
from bot.messages.listing import date_and_readers, link_to, number_keys
from bot.messages.words import Words
from storage.model import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text; `hit` where it is what was searched for."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A search result: the title and a line of context with the words marked. No context: () ."""

    post: Post
    title: tuple[Span, ...]
    context: tuple[Span, ...] = ()


def search_results(
    phrase: str, number: int, page: Page[Found], words: Words, *, bot: str | None = None
) -> Message:
    """What was found for `phrase`, kept under `number`; the words are bold, in their context."""
    title = words.count("「{phrase}」 · {n} 篇", page.total, phrase=one_line(phrase))
    items: list[Item] = []
    for index, found in enumerate(page.items, page.before + 1):
        children: list[Inline] = [link_to(found.post, _spans(found.title), bot)]
        if said := date_and_readers(found.post, words):
            children.append(Text(f"  {said}"))
        if found.context:
            children += [Text("\n"), *_spans(found.context)]
        items.append(Item(tuple(children), label=str(index)))
    body: tuple[Block, ...] = (Heading((Text(title),)), Items(tuple(items)))
    keys = number_keys([(str(i), f.post.id) for i, f in enumerate(page.items, page.before + 1)], bot)
    return Message(body=body, keyboard=(*keys, *paging(page, lambda at: SearchPage(number, at))))


def _spans(spans: tuple[Span, ...]) -> tuple[Inline, ...]:
    return tuple(Bold((Text(span.text),)) if span.hit else Text(span.text) for span in spans)
