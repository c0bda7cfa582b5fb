"""The page of one series, tag or category: its posts, and the ways to subscribe to it and to leave it.

A series is shown in the order of its episodes, with its gaps and how much of it is stored.
"""

from dataclasses import dataclass

from bot.messages.actions.browsing import SeriesIndex, ShowScope, TagIndex
from bot.messages.actions.courses import CourseStart
from bot.messages.actions.posts import ShowPost
from bot.messages.actions.subscriptions import Mute, Subscribe, Unsubscribe
from bot.messages.bars import bar
from bot.messages.buttons import Page, paging, press
from bot.messages.characters import one_line
from bot.messages.document import Block, Button, Heading, Message, Paragraph, Text
from bot.messages.listing import Gap, Line, entries, keys_of, listing
from bot.messages.words import Words
from storage.model import Scope, ScopeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """A series: `have` of `known` episodes are stored; `first` is the post to begin with."""

    scope: Scope
    have: int
    known: int
    span: tuple[tuple[int, int], tuple[int, int]] | None = None  # (year, month) of the oldest and newest
    first: int | None = None
    subscribed: bool = False


def series_view(
    facts: SeriesFacts, page: Page[Line | Gap], words: Words, *, bot: str | None = None
) -> Message:
    """One series with its episodes in order and its gaps."""
    head = [one_line(facts.scope.name), words.count("{n} 篇", facts.known)]
    if facts.span is not None:
        head.append(span_text(facts.span, words))
    body: list[Block] = [Heading((Text(" · ".join(head)),))]
    stored = words.count("已收录 {n} 篇", facts.have)
    body.append(Paragraph((Text(f"{bar(facts.have, facts.known)} {stored}"),)))
    body.append(entries(page, words, bot))
    scope = facts.scope.id
    last: list[Button] = [_subscription(facts.scope, words.say("🔔 订阅系列"), facts.subscribed, words)]
    if facts.first is not None:
        last.append(press(words.say("从头读"), ShowPost(facts.first)))
    if facts.have > 1:
        last.append(press(words.say("每天一篇"), CourseStart(scope)))
    rows = (*keys_of(page, bot), *paging(page, lambda number: ShowScope(scope, number)), tuple(last))
    away = (press(words.say("‹ 所有系列"), SeriesIndex()), *_mute(facts.scope, facts.subscribed, words))
    return Message(body=tuple(body), keyboard=(*rows, away))


def scope_view(
    scope: Scope, page: Page[Line], words: Words, *, subscribed: bool = False, bot: str | None = None
) -> Message:
    """The posts of a tag or a category, newest first."""
    sign = "#" if scope.kind is ScopeKind.TAG else ""
    title = f"{sign}{one_line(scope.name)} · {words.count('{n} 篇', page.total)}"
    last = [_subscription(scope, words.say("🔔 订阅"), subscribed, words), *_mute(scope, subscribed, words)]
    if scope.kind is ScopeKind.TAG:
        last.append(press(words.say("‹ 所有标签"), TagIndex()))
    return listing(title, page, words, bot, lambda number: ShowScope(scope.id, number), (tuple(last),))


def span_text(span: tuple[tuple[int, int], tuple[int, int]], words: Words) -> str:
    """2022-06 至 2026-05; one month where both are the same."""
    first, last = (words.month(*month) for month in span)
    return first if first == last else words.say("{first} 至 {last}", first=first, last=last)


def _subscription(scope: Scope, offer: str, subscribed: bool, words: Words) -> Button:
    return (
        press(words.say("🔕 退订"), Unsubscribe(scope.id))
        if subscribed
        else press(offer, Subscribe(scope.id))
    )


def _mute(scope: Scope, subscribed: bool, words: Words) -> tuple[Button, ...]:
    """What is subscribed can be unsubscribed; only the rest can be shut out."""
    return () if subscribed else (press(words.say("🔕 屏蔽"), Mute(scope.id)),)
