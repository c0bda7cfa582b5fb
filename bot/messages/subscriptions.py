"""What a chat is told about: confirmations, the list, and what can be chosen.

Every answer to a subscription says what will come, when, and how to change it.
"""

from dataclasses import dataclass

from bot.callbacks.actions import (
    Mute,
    Options,
    SeriesIndex,
    Setting,
    Settings,
    ShowScope,
    Subscribe,
    Subscriptions,
    TagIndex,
    TopicFor,
    Unmute,
    Unsubscribe,
)
from bot.messages.i18n import Words
from bot.messages.keyboards import Page, Row, label, paging, press
from bot.messages.post_lists import link_to
from bot.messages.scope_pages import scope_label, scope_name
from bot.messages.settings import how_it_comes
from bot.render.document import Block, Button, Heading, Item, Items, Message, Paragraph, Text
from bot.text_sanitizer import one_line
from storage.model import Post, Preferences, Scope, ScopeId, ScopeKind, Subscription

_NAMES_TAGS = (ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What a scope would have brought: `count` of all stored posts, and the last few, newest first."""

    count: int
    last: tuple[Post, ...] = ()


def subscribed(
    scope: Scope,
    matching: Matching,
    chosen: Preferences,
    words: Words,
    *,
    destination: int | None = None,
    chat: str | None = None,
    bot: str | None = None,
    topics: bool = False,
) -> Message:
    """The confirmation: what will come and when, what would have come, how to change it.

    `destination` and `chat` (its title) are given where another chat was subscribed than the one told;
    `topics` where the bot may make a forum topic for the scope.
    """
    name = scope_name(scope, words)
    said = (
        words.text("订阅好了：{scope}。", scope=name)
        if chat is None
        else words.text("「{chat}」订阅好了：{scope}。", scope=name, chat=one_line(chat))
    )
    body: list[Block] = [
        Paragraph((Text(words.sentences(said, how_it_comes(chosen, words))),)),
        *_sample(scope, matching, words, bot),
    ]
    rows: list[Row] = [
        (
            press(words.text("什么时候发"), Options(Setting.WHEN, destination)),
            press(words.text("所有订阅"), Subscriptions(1, destination)),
        )
    ]
    if topics and scope.kind in _NAMES_TAGS:
        rows.append((press(words.text("为它开一个话题"), TopicFor(scope.id)),))
    rows.append((press(words.text("退订"), Unsubscribe(scope.id, destination)),))
    return Message(body=tuple(body), keyboard=tuple(rows))


def _sample(scope: Scope, matching: Matching, words: Words, bot: str | None) -> tuple[Block, ...]:
    if not matching.count:
        return (Paragraph((Text(words.text("已收录的文章里还没有这样的，有了就会来。")),)),)
    if scope.kind is ScopeKind.EVERYTHING:
        head = words.count("已收录 {n} 篇，最近的是：", matching.count)
    else:
        head = words.count("已收录的文章里有 {n} 篇这样的，最近的是：", matching.count)
    items = []
    for post in matching.last:
        date = words.date_of(post)
        after = (Text(f"  {date}"),) if date else ()
        items.append(Item((link_to(post, (Text(one_line(post.title)),), words, bot), *after), label="·"))
    return (Paragraph((Text(head),)), Items(tuple(items)))


def unsubscribed(scope: Scope, left: int, words: Words, *, destination: int | None = None) -> Message:
    """The confirmation; `left` is how many subscriptions remain."""
    said = words.text("退订了：{scope}。", scope=scope_name(scope, words))
    rest = words.count("还有 {n} 个订阅。", left) if left else words.text("现在什么都不会发来了。")
    row = (
        press(words.text("重新订阅"), Subscribe(scope.id, destination)),
        press(words.text("所有订阅"), Subscriptions(1, destination)),
    )
    return Message(body=(Paragraph((Text(words.sentences(said, rest)),)),), keyboard=(row,))


def muted(scope: Scope, words: Words, *, destination: int | None = None) -> Message:
    said = words.text("{scope}的文章不再发来，别的订阅要到它也一样。", scope=scope_name(scope, words))
    row = (
        press(words.text("不再屏蔽"), Unmute(scope.id, destination)),
        press(words.text("所有订阅"), Subscriptions(1, destination)),
    )
    return Message(body=(Paragraph((Text(said),)),), keyboard=(row,))


def unmuted(scope: Scope, words: Words, *, destination: int | None = None) -> Message:
    said = words.text("不再屏蔽{scope}。", scope=scope_name(scope, words))
    row = (press(words.text("所有订阅"), Subscriptions(1, destination)),)
    return Message(body=(Paragraph((Text(said),)),), keyboard=(row,))


def subscriptions(
    page: Page[Subscription],
    chosen: Preferences,
    words: Words,
    *,
    everything: ScopeId,
    destination: int | None = None,
    chat: str | None = None,
) -> Message:
    """All subscriptions of a chat, with a button to look at each and one to remove it."""
    head = words.text("订阅") if chat is None else words.text("「{chat}」的订阅", chat=one_line(chat))
    if not page.total:
        return nothing_subscribed(words, everything=everything, destination=destination, head=head)
    items = tuple(
        Item((Text(_line(each, words)),), label=str(index))
        for index, each in enumerate(page.items, page.before + 1)
    )
    body: tuple[Block, ...] = (
        Heading((Text(f"{head} · {words.number(page.total)}"),)),
        Items(items),
        Paragraph((Text(how_it_comes(chosen, words)),)),
    )
    rows = [_row(each, words, destination) for each in page.items]
    last = (
        press(words.text("选系列"), SeriesIndex(1, destination)),
        press(words.text("设置"), Settings(destination)),
    )
    pages = paging(page, lambda number: Subscriptions(number, destination))
    return Message(body=body, keyboard=(*rows, *pages, last))


def nothing_subscribed(
    words: Words, *, everything: ScopeId, destination: int | None = None, head: str | None = None
) -> Message:
    """What can be chosen, where nothing is yet; also the answer to a bare /subscribe."""
    body: list[Block] = [Heading((Text(head),))] if head is not None else []
    body.append(Paragraph((Text(words.text("要哪些新文章？也可以写：")),)))
    examples = (
        words.text("/subscribe series 生成扩散模型漫谈"),
        words.text("/subscribe tag 优化器"),
        words.text("/subscribe word 位置编码 外推"),
    )
    body.append(Items(tuple(Item((Text(example),), label="·") for example in examples)))
    rows = (
        (press(words.text("🔔 订阅全部"), Subscribe(everything, destination)),),
        (
            press(words.text("选系列"), SeriesIndex(1, destination)),
            press(words.text("选标签"), TagIndex(1, destination)),
        ),
    )
    return Message(body=tuple(body), keyboard=rows)


def preview(
    scope: Scope, matching: Matching, words: Words, *, destination: int | None = None, bot: str | None = None
) -> Message:
    """What a scope would bring, before it is subscribed or muted."""
    body: tuple[Block, ...] = (
        Heading((Text(scope_name(scope, words)),)),
        *_sample(scope, matching, words, bot),
    )
    row: tuple[Button, ...] = (press(words.text("🔔 订阅"), Subscribe(scope.id, destination)),)
    if scope.kind is not ScopeKind.EVERYTHING:
        row = (*row, press(words.text("🔕 屏蔽"), Mute(scope.id, destination)))
    return Message(body=body, keyboard=(row,))


def _line(each: Subscription, words: Words) -> str:
    name = scope_name(each.scope, words)
    return words.text("🔕 不要{scope}", scope=name) if each.muted else name


def _row(each: Subscription, words: Words, destination: int | None) -> Row:
    name = label(scope_label(each.scope, words))
    scope = each.scope.id
    if each.muted:
        return (press(words.text("🔕 {name} · 不再屏蔽", name=name), Unmute(scope, destination)),)
    remove = press(words.text("退订"), Unsubscribe(scope, destination))
    if each.scope.kind in _NAMES_TAGS:
        return (press(name, ShowScope(scope)), remove)
    return (press(words.text("退订 {name}", name=name), Unsubscribe(scope, destination)),)
