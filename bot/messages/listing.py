"""A page of posts in a message: a line for each, and the way to its card. One hand for all lists.

A line's title opens the card by a deep link; where the bot's username is not known, numbered buttons do.
Which posts a list holds is decided elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.messages.actions import Action
from bot.messages.actions.posts import ShowPost
from bot.messages.buttons import PER_PAGE, Page, Row, in_rows, paging, press
from bot.messages.characters import one_line
from bot.messages.document import Block, Heading, Inline, Item, Items, Keyboard, Link, Message, Text
from bot.messages.links import deep_link, post_url
from bot.messages.words import Words
from storage.model import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A post in a list. `title` is how it is called there: within its series, without the series' name.

    `label` stands before it in place of its number in the list; `note` in place of date and readers.
    """

    post: Post
    title: str
    label: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An episode that is known to exist and is not stored; its title where a post mentions it."""

    episode: int
    title: str | None = None


def listing(
    title: str,
    page: Page[Line],
    words: Words,
    bot: str | None,
    to: Callable[[int], Action],
    below: Keyboard = (),
) -> Message:
    """A page under its title; `to` is the action that turns to another page."""
    body: tuple[Block, ...] = (Heading((Text(title),)), entries(page, words, bot))
    return Message(body=body, keyboard=(*keys_of(page, bot), *paging(page, to), *below))


def entries(page: Page[Line] | Page[Line | Gap], words: Words, bot: str | None) -> Items:
    """The lines of a page, each with its number in the whole list."""
    items: list[Item] = []
    for index, line in enumerate(page.items, page.before + 1):
        if isinstance(line, Gap):
            title = f"{one_line(line.title)}  " if line.title else ""
            items.append(Item((Text(f"◌ {title}{words.say('未收录')}"),), label=str(line.episode)))
        else:
            after = line.note if line.note is not None else date_and_readers(line.post, words)
            linked = link_to(line.post, (Text(one_line(line.title)),), bot)
            children = (linked, Text(f"  {after}")) if after else (linked,)
            items.append(Item(children, label=line.label or str(index)))
    return Items(tuple(items))


def link_to(post: Post, title: tuple[Inline, ...], bot: str | None) -> Link:
    """`title` as the link to a post's card; to the blog where the bot's username is not known."""
    return Link(deep_link(bot, ShowPost(post.id)) or post_url(post), title)


def date_and_readers(post: Post, words: Words) -> str:
    """Date and readers, as far as they are known."""
    readers = words.short_number(post.readers) if post.readers is not None else None
    return " · ".join(part for part in (words.date_of(post), readers) if part)


def keys_of(page: Page[Line] | Page[Line | Gap], bot: str | None) -> tuple[Row, ...]:
    """The buttons of a page's stored posts, labelled as their lines are."""
    labelled = [
        (line.label or str(index), line.post.id)
        for index, line in enumerate(page.items, page.before + 1)
        if isinstance(line, Line)
    ]
    return number_keys(labelled, bot)


def number_keys(labelled: Sequence[tuple[str, int]], bot: str | None) -> tuple[Row, ...]:
    """A button for each (label, post), where a line cannot be a deep link."""
    if bot:
        return ()
    return in_rows((press(label, ShowPost(post)) for label, post in labelled), PER_PAGE)
