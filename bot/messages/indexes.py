"""Lists of names: series, tags, categories, the choices where several names fit, the nearest where none does.

Names are buttons, two in a row, so that a tap opens them in place.
"""

from collections.abc import Callable
from enum import Enum
from typing import assert_never

from bot.messages.actions import Action
from bot.messages.actions.browsing import AskSearch, CategoryIndex, SeriesIndex, ShowScope, TagIndex
from bot.messages.actions.subscriptions import Subscribe, Subscriptions
from bot.messages.bars import bar
from bot.messages.buttons import Page, T, in_rows, label, paging, press
from bot.messages.characters import one_line
from bot.messages.document import Block, Heading, Inline, Item, Items, Link, Message, Paragraph, Text
from bot.messages.links import deep_link
from bot.messages.scope_pages import SeriesFacts, span_text
from bot.messages.scopes import scope_label
from bot.messages.words import Words
from storage.model import Counted, Scope


class Asked(Enum):
    """What kind of name somebody asked for."""

    SERIES = "series"
    TAG = "tag"
    CATEGORY = "category"
    SUBSCRIPTION = "subscription"


def series_index(page: Page[SeriesFacts], words: Words, *, bot: str | None = None) -> Message:
    """All series, each with how much of it is stored."""
    items = tuple(_series_item(facts, index, words, bot) for index, facts in _numbered(page))
    head = words.count("{n} 个系列", page.total)
    keys = in_rows((press(label(facts.scope.name), ShowScope(facts.scope.id)) for facts in page.items), 2)
    return Message(body=(Heading((Text(head),)), Items(items)), keyboard=(*keys, *paging(page, SeriesIndex)))


def tag_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """All tags, the commonest first."""
    return _names(words.count("{n} 个标签", page.total), page, TagIndex, words, bot)


def category_index(page: Page[Counted], words: Words, *, bot: str | None = None) -> Message:
    """All categories."""
    return _names(words.count("{n} 个分类", page.total), page, CategoryIndex, words, bot)


def to_subscribe(
    page: Page[Counted], to: Callable[[int], Action], words: Words, *, destination: int
) -> Message:
    """Names that another chat can be subscribed to; a tap does it."""
    said = words.say("点一下就订阅：")
    keys = in_rows(
        (press(label(scope_label(c.scope, words)), Subscribe(c.scope.id, destination)) for c in page.items), 2
    )
    back = (press(words.say("所有订阅"), Subscriptions(1, destination)),)
    return Message(body=(Paragraph((Text(said),)),), keyboard=(*keys, *paging(page, to), back))


def choices(name: str, found: tuple[Counted, ...], words: Words) -> Message:
    """Several names fit what was typed."""
    said = words.say("「{name}」可以是：", name=one_line(name))
    keys = (
        press(f"{label(scope_label(counted.scope, words), 32)} · {words.number(counted.posts)}",
              ShowScope(counted.scope.id))
        for counted in found
    )  # fmt: skip
    return Message(body=(Paragraph((Text(said),)),), keyboard=in_rows(keys, 1))


def unknown_name(asked: Asked, name: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """No such name; the nearest ones as buttons."""
    hint = words.say("你是不是要找：") if nearest else words.say("换个说法试试，或者查找词语。")
    said = words.sentences(_unknown(asked, label(name, 64), words), hint)
    keys = in_rows((press(label(scope_label(s, words)), ShowScope(s.id)) for s in nearest), 2)
    return Message(
        body=(Paragraph((Text(said),)),), keyboard=(*keys, (press(words.say("找一篇"), AskSearch()),))
    )


def nothing_found(phrase: str, nearest: tuple[Scope, ...], words: Words) -> Message:
    """A search without a result; the nearest names of series and tags as buttons."""
    hint = words.say("也许是：") if nearest else words.say("少用几个词，或者换个说法。")
    said = words.sentences(words.say("没有找到「{phrase}」。", phrase=label(phrase, 64)), hint)
    keys = in_rows((press(label(scope_label(s, words)), ShowScope(s.id)) for s in nearest), 2)
    return Message(body=(Paragraph((Text(said),)),), keyboard=keys)


def _unknown(asked: Asked, name: str, words: Words) -> str:
    match asked:
        case Asked.SERIES:
            return words.say("没有叫「{name}」的系列。", name=name)
        case Asked.TAG:
            return words.say("没有叫「{name}」的标签。", name=name)
        case Asked.CATEGORY:
            return words.say("没有叫「{name}」的分类。", name=name)
        case Asked.SUBSCRIPTION:
            return words.say("订阅里没有「{name}」。", name=name)
        case _:
            assert_never(asked)


def _series_item(facts: SeriesFacts, index: int, words: Words, bot: str | None) -> Item:
    complete = facts.have >= facts.known
    figures = words.count("{n} 篇", facts.known) if complete else f"{facts.have} / {facts.known}"
    parts = [f"{bar(facts.have, facts.known, 8)} {figures}"]
    if facts.span is not None:
        parts.append(span_text(facts.span, words))
    name = _linked(facts.scope, bot)
    return Item((name, Text("\n" + " · ".join(parts))), label=str(index))


def _names(
    head: str, page: Page[Counted], to: Callable[[int], Action], words: Words, bot: str | None
) -> Message:
    items = tuple(
        Item(
            (_linked(counted.scope, bot), Text(f"  {words.count('{n} 篇', counted.posts)}")), label=str(index)
        )
        for index, counted in _numbered(page)
    )
    body: tuple[Block, ...] = (Heading((Text(head),)), Items(items))
    keys = in_rows((press(label(c.scope.name), ShowScope(c.scope.id)) for c in page.items), 2)
    return Message(body=body, keyboard=(*keys, *paging(page, to)))


def _linked(scope: Scope, bot: str | None) -> Inline:
    name = Text(one_line(scope.name))
    address = deep_link(bot, ShowScope(scope.id))
    return Link(address, (name,)) if address else name


def _numbered(page: Page[T]) -> "enumerate[T]":
    return enumerate(page.items, page.before + 1)
