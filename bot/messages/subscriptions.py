"""Views of subscriptions: confirmations, the list, and what can be subscribed to.

Every confirmation is made from what was changed, and its undo button restores exactly that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from bot.callbacks import actions
from bot.messages.elements import (
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
from bot.messages.notices import notice
from bot.messages.post_lists import after, link_to
from bot.messages.scope_pages import scope_label, scope_name, scope_names
from bot.messages.settings import how_it_comes, what_comes
from bot.render.document import Block, Button, Message
from bot.text_sanitizer import one_line
from storage.model import ChatKind, Counted, Post, Preferences, Scope, ScopeId, ScopeKind, Subscription

_NAMES_TAGS = (ScopeKind.SERIES, ScopeKind.TAG, ScopeKind.CATEGORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The chat or topic whose subscriptions a screen shows.

    `number` and `title` are given for another chat than the one the screen is in.
    """

    kind: ChatKind = ChatKind.PRIVATE
    topic: bool = False
    number: int | None = None
    title: str | None = None


HERE: Final = Place()


def list_name(place: Place, words: Words) -> str:
    """Return what the list of subscriptions of `place` is called."""
    if place.title is not None:
        return words.text("「{chat}」的订阅", chat=one_line(place.title))
    if place.topic:
        return words.text("本话题的订阅")
    return {
        ChatKind.PRIVATE: words.text("我的订阅"),
        ChatKind.GROUP: words.text("本群的订阅"),
        ChatKind.CHANNEL: words.text("本频道的订阅"),
    }[place.kind]


def list_button(place: Place, words: Words) -> Button:
    """Return the button to the list of subscriptions of `place`."""
    return press(label(list_name(place, words)), actions.Subscriptions(1, place.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Stored posts of a scope: their number and the latest few, newest first."""

    count: int
    last: tuple[Post, ...] = ()


class Before(Enum):
    """State of a scope before it was subscribed or muted."""

    NONE = "none"
    SUBSCRIBED = "subscribed"
    MUTED = "muted"


def subscribed(
    scope: Scope,
    matching: Matching,
    chosen: Preferences,
    words: Words,
    *,
    before: Before = Before.NONE,
    everything: ScopeId | None = None,
    place: Place = HERE,
    bot: str | None = None,
    topics: bool = False,
) -> Message:
    """Return the confirmation of a subscription with its sample and the ways to change it.

    `everything` is given where all posts are subscribed already; `topics` where forum topics can be created.
    """
    said = words.sentences(_done(scope, before, place.title, words), how_it_comes(chosen, words))
    body: list[Block] = [paragraph(said), *_sample(scope, matching, words, bot)]
    rows: list[Row] = []
    if everything is not None:
        body.append(paragraph(words.text("你已订阅全部文章，这一项不会多发。")))
        rows.append((press(_only(scope, words), actions.Unsubscribe(everything, place.number)),))
    rows.append((press(words.text("推送设置"), actions.Settings(place.number)), list_button(place, words)))
    if topics and scope.kind in _NAMES_TAGS:
        rows.append((press(words.text("为它开一个话题"), actions.TopicFor(scope.id)),))
    rows.append((press(words.text("退订"), actions.Unsubscribe(scope.id, place.number)),))
    return Message(body=tuple(body), keyboard=tuple(rows))


def subscription_button(
    scope: Scope, words: Words, *, subscribed: bool, place: Place = HERE
) -> tuple[str, actions.Action]:
    """Return label and action of the button that subscribes, or, once `subscribed`, takes that back."""
    if subscribed:
        return words.text("🔕 退订"), actions.Unsubscribe(scope.id, place.number)
    return words.text("🔔 订阅"), actions.Subscribe(scope.id, place.number)


def _done(scope: Scope, before: Before, chat: str | None, words: Words) -> str:
    name = scope_name(scope, words)
    if before is Before.SUBSCRIBED:
        return words.text("已经订阅了：{scope}。", scope=name)
    if chat is not None:
        text = words.text("「{chat}」订阅好了：{scope}。", scope=name, chat=one_line(chat))
    else:
        text = words.text("订阅好了：{scope}。", scope=name)
    return words.sentences(text, words.text("它的屏蔽已取消。") if before is Before.MUTED else None)


def _only(scope: Scope, words: Words) -> str:
    names = {ScopeKind.SERIES: words.text("只要这个系列"), ScopeKind.TAG: words.text("只要这个标签")}
    return names.get(scope.kind) or words.text("退订全部文章")


def _sample(scope: Scope, matching: Matching, words: Words, bot: str | None) -> tuple[Block, ...]:
    if not matching.count:
        return (paragraph(words.text("已收录的文章里还没有这样的，一有就发来。")),)
    if scope.kind is ScopeKind.EVERYTHING:
        head = words.count("已收录 {n} 篇，最近的是：", matching.count)
    else:
        head = words.count("已收录的文章里有 {n} 篇这样的，最近的是：", matching.count)
    lines = (item(link_to(post, words, bot), after(words.date_of(post))) for post in matching.last)
    return (paragraph(head), items(lines))


def unsubscribed(
    scope: Scope, left: int, words: Words, *, courses: bool = False, place: Place = HERE
) -> Message:
    """Return the confirmation; `left` is the number of subscriptions that remain."""
    text = words.text("退订了：{scope}。", scope=scope_name(scope, words))
    undo = press(words.text("恢复订阅"), actions.Subscribe(scope.id, place.number))
    return notice(words.sentences(text, _left(left, courses, words)), undo, list_button(place, words))


def _left(left: int, courses: bool, words: Words) -> str:
    if left:
        return words.count("还有 {n} 个订阅。", left)
    if courses:
        return words.text("没有订阅了，课程照常发来。")
    return words.text("没有订阅了，不会再发来新文章。")


def not_subscribed(scope: Scope, words: Words, *, place: Place = HERE) -> Message:
    """Return that there is nothing to remove."""
    text = words.text("没有订阅{scope}。", scope=scope_name(scope, words))
    return notice(text, list_button(place, words))


def unsubscribe_all_question(
    scopes: Sequence[Scope],
    listed: int,
    words: Words,
    *,
    courses: bool = False,
    muted: bool = False,
    place: Place = HERE,
) -> Message:
    """Return the question before several subscriptions are removed; `listed` is the stored list of them."""
    text = words.sentences(
        words.count("退订全部 {n} 个订阅？", len(scopes)),
        words.text("课程不受影响。") if courses else None,
        words.text("屏蔽不受影响。") if muted else None,
    )
    remove = press(words.text("退订"), actions.UnsubscribeAll(listed, place.number))
    row = (remove, *usual(words, actions.Dismiss()))
    return Message(body=(paragraph(text), paragraph(scope_names(scopes, words))), keyboard=(row,))


def all_unsubscribed(
    scopes: Sequence[Scope],
    removed: int,
    left: int,
    words: Words,
    *,
    courses: bool = False,
    place: Place = HERE,
) -> Message:
    """Return what was removed, with the button that restores exactly that."""
    text = words.count("退订了 {n} 个：{scopes}。", len(scopes), scopes=scope_names(scopes, words))
    undo = press(words.count("恢复这 {n} 个订阅", len(scopes)), actions.Restore(removed, place.number))
    return notice(words.sentences(text, _left(left, courses, words)), undo, list_button(place, words))


def restored(scopes: Sequence[Scope], words: Words, *, place: Place = HERE) -> Message:
    """Return what was subscribed again; nothing if all of it is subscribed or muted."""
    if not scopes:
        text = words.text("没有要恢复的了。")
    else:
        text = words.count("已恢复 {n} 个订阅：{scopes}。", len(scopes), scopes=scope_names(scopes, words))
    return notice(text, list_button(place, words))


def nothing_to_unsubscribe(words: Words, *, courses: bool = False, place: Place = HERE) -> Message:
    """Return the answer to a bare /unsubscribe without subscriptions."""
    text = words.sentences(
        words.text("还没有订阅，不用退订。"),
        words.text("课程在 /course 里停。") if courses else None,
    )
    return notice(text, press(words.text("去订阅"), actions.SubscribeMenu(place.number)))


def muted(scope: Scope, words: Words, *, before: Before = Before.NONE, place: Place = HERE) -> Message:
    """Return the confirmation of a mute; a subscription to the same scope ends with it."""
    name = scope_name(scope, words)
    text = words.sentences(
        words.text("已屏蔽{scope}：即使命中其他订阅也不推送。", scope=name),
        words.text("对它的订阅已取消。") if before is Before.SUBSCRIBED else None,
    )
    undo = (
        press(words.text("恢复订阅"), actions.Subscribe(scope.id, place.number))
        if before is Before.SUBSCRIBED
        else press(words.text("取消屏蔽"), actions.Unmute(scope.id, place.number))
    )
    return notice(text, undo, list_button(place, words))


def unmuted(scope: Scope, words: Words, *, was: bool = True, place: Place = HERE) -> Message:
    """Return that a mute was removed, or that there `was` none."""
    name, own = scope_name(scope, words), list_button(place, words)
    if not was:
        return notice(words.text("没有屏蔽{scope}。", scope=name), own)
    undo = press(words.text("恢复屏蔽"), actions.Mute(scope.id, place.number))
    return notice(words.text("已取消屏蔽{scope}。", scope=name), undo, own)


def subscriptions(
    page: Page[Subscription],
    wanted: int,
    chosen: Preferences,
    words: Words,
    *,
    courses: bool = False,
    question: bool = False,
    place: Place = HERE,
    editable: bool = True,
) -> Message:
    """Return all subscriptions and mutes of a chat; `wanted` of them are subscriptions.

    `question`: it answers a bare /unsubscribe. Without `editable` there are no buttons that change them.
    """
    title = (
        words.text("要退订哪一个？") if question else f"{list_name(place, words)} · {words.number(wanted)}"
    )
    body: tuple[Block, ...] = (
        heading(title),
        items(item(_line(each, words), label=str(index)) for index, each in page.numbered()),
        paragraph(what_comes(chosen, words, subscribed=wanted > 0, courses=courses)),
    )
    pages = paging(page, lambda number: actions.Subscriptions(number, place.number))
    if not editable:
        return Message(body=body, keyboard=pages)
    rows = [_row(each, words, place) for each in page.items]
    if wanted > 1:
        rows.append((press(words.text("全部退订"), actions.UnsubscribeAll(0, place.number)),))
    last = (
        press(words.text("添加订阅"), actions.SubscribeMenu(place.number)),
        press(words.text("设置"), actions.Settings(place.number)),
    )
    return Message(body=body, keyboard=(*rows, *pages, last))


def subscribe_menu(
    words: Words,
    *,
    everything: ScopeId,
    place: Place = HERE,
    all_posts: bool = False,
) -> Message:
    """Return what can be subscribed to; `all_posts` are already."""
    text = (
        words.text("要哪些新文章？点按钮，或者写：")
        if place.title is None
        else words.text("「{chat}」要哪些新文章？", chat=one_line(place.title))
    )
    body: list[Block] = [paragraph(text)]
    if place.title is None:
        examples = (
            words.text("/subscribe 系列 生成扩散模型漫谈"),
            words.text("/subscribe 标签 优化器"),
            words.text("/subscribe 关键词 位置编码 外推"),
        )
        body.append(items(map(item, examples)))
    number = place.number or 0
    rows = (
        () if all_posts else (press(words.text("🔔 订阅全部"), actions.Subscribe(everything, place.number)),),
        (
            press(words.text("按系列"), actions.SeriesIndex(1, number)),
            press(words.text("按标签"), actions.TagIndex(1, number)),
            press(words.text("按分类"), actions.CategoryIndex(1, number)),
        ),
        (list_button(place, words),),
    )
    return Message(body=tuple(body), keyboard=tuple(row for row in rows if row))


def nothing_subscribed(words: Words, *, everything: ScopeId, place: Place = HERE) -> Message:
    """Return the empty list of subscriptions with what can be subscribed to."""
    menu = subscribe_menu(words, everything=everything, place=place)
    if place.title is not None:
        text = words.text("「{chat}」还没有订阅，所以什么都不会发到那里。", chat=one_line(place.title))
    elif place.kind is ChatKind.PRIVATE:
        text = words.text("还没有订阅，所以什么都不会发来。")
    else:
        text = words.text("这里还没有订阅，所以什么都不会发到这里。")
    return Message(body=(paragraph(text), *menu.body), keyboard=menu.keyboard[:2])


def nothing_subscribed_here(words: Words, address: str | None) -> Message:
    """Return the empty list of a group for a member who cannot change it."""
    text = words.text("本群还没有订阅，由群管理员设置。你可以用 /search 查旧文章，或私聊我自己订阅。")
    return notice(text, *((Button(text=words.text("私聊订阅"), url=address),) if address else ()))


def _line(each: Subscription, words: Words) -> str:
    name = scope_name(each.scope, words)
    return words.text("已屏蔽：{scope}", scope=name) if each.muted else name


def _row(each: Subscription, words: Words, place: Place) -> Row:
    name = label(scope_label(each.scope, words))
    scope = each.scope.id
    if each.muted:
        return (press(words.text("{name} · 取消屏蔽", name=name), actions.Unmute(scope, place.number)),)
    remove = press(words.text("退订"), actions.Unsubscribe(scope, place.number))
    if each.scope.kind in _NAMES_TAGS:
        return (press(name, actions.ShowScope(scope)), remove)
    return (press(words.text("退订 {name}", name=name), actions.Unsubscribe(scope, place.number)),)


def names_to_subscribe(
    page: Page[Counted],
    action: actions.SeriesIndex | actions.TagIndex | actions.CategoryIndex,
    already: frozenset[ScopeId],
    words: Words,
    *,
    place: Place = HERE,
) -> Message:
    """Return names that `place` is subscribed to with one tap each; those of `already` are marked."""
    keys = in_rows((_name_to_subscribe(counted.scope, already, words, place) for counted in page.items), 2)
    pages = paging(page, lambda number: replace(action, page=number))
    text = words.text("点一下就订阅：")
    return Message(body=(paragraph(text),), keyboard=(*keys, *pages, (list_button(place, words),)))


def _name_to_subscribe(scope: Scope, already: frozenset[ScopeId], words: Words, place: Place) -> Button:
    name = label(scope_label(scope, words))
    if scope.id in already:
        return press(f"✓ {name}", actions.Unsubscribe(scope.id, place.number))
    return press(name, actions.Subscribe(scope.id, place.number))
