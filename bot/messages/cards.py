"""Views of one post: the card as a reply, and the announcement of a new post."""

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from bot.callbacks import actions
from bot.messages.elements import Row, footer, heading, label, link, paragraph, press
from bot.messages.i18n import Words
from bot.messages.links import post_url, share_link
from bot.messages.scope_pages import Neighbour, linked_name, scope_names
from bot.render.document import Block, Body, Button, Inline, Message, Quote
from bot.text_sanitizer import one_line
from storage.model import ExcerptLength, Post, PostId, Scope, ScopeKind

SHORT_UNITS: Final = 200
FULL_UNITS: Final = 1600  # an excerpt, not the article; a card with it fits in one classic message
_TAG_BUTTONS: Final = 4
_NOT_IN_HASHTAG: Final = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlace:
    """Position of a post in its series: episode `position` of `of`, the highest episode known."""

    scope: Scope
    position: int
    of: int
    previous: Neighbour | None = None
    next: Neighbour | None = None
    subscribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Readers gained between two captures `days` apart; None if their times are not known to be apart."""

    readers: int
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Facts of a card. `tags` and `inferred` are the scopes behind the post's tags, opened by button.

    `related` and `papers` are how many there are to show; `saved` and `read` are None in a group or channel,
    which has no bookmarks. `bot` is its username.
    """

    post: Post
    series: SeriesPlace | None = None
    growth: Growth | None = None
    tags: tuple[Scope, ...] = ()
    inferred: tuple[Scope, ...] = ()
    related: int = 0
    papers: int = 0
    saved: bool | None = None
    read: bool | None = None
    excerpt: ExcerptLength = ExcerptLength.FULL
    bot: str | None = None
    editable: bool = True  # the readers of the message may change the subscriptions of the chat


class News(Enum):
    """What an announcement announces."""

    WRITTEN = "written"
    FOUND = "found"  # its date lies far back: new to the archive only


def card(facts: CardFacts, words: Words, *, lesson: bool = False) -> Message:
    """Return the post as a reply; as a `lesson` without the buttons of its series."""
    series = _series_line(facts, words)
    return _message(facts, words, head=(paragraph(*series),) if series else (), lesson=lesson)


def announcement(
    facts: CardFacts, words: Words, *, news: News, why: tuple[Scope, ...] = (), edited: bool = False
) -> Message:
    """Return the post as news; `why` are the matching scopes, `edited`: its title has changed."""
    series = _series_line(facts, words)
    head = paragraph(_news(news, words), " · " if series else "", *series)
    small = (why_line(why, words), words.text("（标题有更新）") if edited else None)
    return _message(facts, words, head=(head,), small=small)


def why_line(why: tuple[Scope, ...], words: Words) -> str | None:
    """Return the subscriptions that matched a post; None if all posts are subscribed."""
    if not why or any(scope.kind is ScopeKind.EVERYTHING for scope in why):
        return None
    return words.text("订阅：{scopes}", scopes=scope_names(why, words))


def _news(news: News, words: Words) -> str:
    return {News.WRITTEN: words.text("新文章"), News.FOUND: words.text("补收旧文")}[news]


def _message(
    facts: CardFacts,
    words: Words,
    *,
    head: Body,
    small: tuple[str | None, ...] = (),
    lesson: bool = False,
) -> Message:
    post = facts.post
    url = post_url(post, words.site)
    body: list[Block] = [*head, heading(link(url, one_line(post.title)), level=2)]
    if line := facts_line(facts, words):
        body.append(paragraph(line))
    if quoted := _excerpt(facts):
        body.append(Quote(quoted))
    if tags := tag_line(post):
        body.append(paragraph(tags))
    credit = " · ".join(filter(None, (words.site.author, words.blog, words.site.licence)))
    body.append(footer("\n".join(filter(None, (credit, *small)))))
    return Message(body=tuple(body), keyboard=_keyboard(facts, words, lesson))


def _series_line(facts: CardFacts, words: Words) -> tuple[Inline | str, ...]:
    place = facts.series
    if place is None:
        return ()
    position = words.text("系列第 {position} 篇（共 {of}）", position=place.position, of=place.of)
    return linked_name(place.scope, facts.bot), f" · {position}"


def facts_line(facts: CardFacts, words: Words) -> str:
    """Return date · readers (growth) · category, as far as they are known."""
    post = facts.post
    parts = [words.date_of(post)]
    if post.readers is not None:
        readers = words.count("{n} 位读者", post.readers)
        if facts.growth is not None and facts.growth.readers > 0:
            readers += _growth(facts.growth, words)
        parts.append(readers)
    parts.append(one_line(post.category) if post.category else None)
    return " · ".join(part for part in parts if part)


def _growth(growth: Growth, words: Words) -> str:
    if growth.days is None:
        return words.text("（+{gain}，自首份快照）", gain=growth.readers)
    return words.count("（+{gain} / {n} 天）", growth.days, gain=growth.readers)


def tag_line(post: Post) -> str:
    """Return #tags of the author, then ≈tags that were inferred and are not among them."""
    given = post.tags or ()
    inferred = [tag for tag in post.inferred_tags if tag not in given]
    return " ".join([*(hashtag(tag) for tag in given), *(f"≈{one_line(tag)}" for tag in inferred)])


def hashtag(tag: str) -> str:
    """Return `tag` as Telegram recognises it: letters, digits and underscores only."""
    return "#" + _NOT_IN_HASHTAG.sub("_", one_line(tag)).strip("_")


def _excerpt(facts: CardFacts) -> Body:
    from bot.render.excerpt import excerpt_body, shorten  # with the TeX parser, 2 MB

    most = {ExcerptLength.NONE: 0, ExcerptLength.SHORT: SHORT_UNITS, ExcerptLength.FULL: FULL_UNITS}
    units = most[facts.excerpt]
    return shorten(excerpt_body(facts.post.excerpt), units) if units else ()


def _keyboard(facts: CardFacts, words: Words, lesson: bool) -> tuple[Row, ...]:
    if lesson:
        rows = [_about_it(facts, words), _mine(replace(facts, series=None), words)]
        return tuple(row for row in rows if row)
    rows = [_neighbours(facts.series, words), _about_it(facts, words), _mine(facts, words)]
    marked = [("#", scope) for scope in facts.tags] + [("≈", scope) for scope in facts.inferred]
    rows.append(
        tuple(press(label(sign + s.name, 14), actions.ShowScope(s.id)) for sign, s in marked[:_TAG_BUTTONS])
    )
    return tuple(row for row in rows if row)


def _neighbours(place: SeriesPlace | None, words: Words) -> Row:
    if place is None:
        return ()
    series = press(words.text("系列"), actions.ShowScope(place.scope.id))
    return (*_toward(place.previous, "‹ {}"), series, *_toward(place.next, "{} ›"))


def _toward(neighbour: Neighbour | None, form: str) -> Row:
    if neighbour is None:
        return ()
    name = form.format("" if neighbour.episode is None else neighbour.episode).strip()
    return (press(name, actions.ShowPost(neighbour.post)),)


def _about_it(facts: CardFacts, words: Words) -> Row:
    row: list[Button] = []
    if facts.related:
        row.append(press(words.text("相关"), actions.Related(facts.post.id)))
    row.append(press(words.text("引用"), actions.Cite(facts.post.id)))
    if facts.papers:
        row.append(press(words.text("论文"), actions.Papers(facts.post.id)))
    row.append(Button(text=words.text("分享"), url=share_link(facts.bot, facts.post, words.site)))
    return tuple(row)


def _mine(facts: CardFacts, words: Words) -> Row:
    row: list[Button] = []
    post = facts.post.id
    if facts.saved is not None:
        row.append(press(*save_button(post, words, saved=facts.saved)))
    if facts.read is not None:
        row.append(press(*read_button(post, words, read=facts.read)))
    if facts.series is not None and facts.editable:
        scope = facts.series.scope.id
        if facts.series.subscribed:
            row.append(press(words.text("🔕 退订系列"), actions.Unsubscribe(scope)))
        else:
            row.append(press(words.text("🔔 订阅系列"), actions.Subscribe(scope)))
    return tuple(row)


def save_button(post: PostId, words: Words, *, saved: bool) -> tuple[str, actions.Action]:
    """Return label and action of the button that saves a post, or, once it is `saved`, takes that back."""
    if saved:
        return words.text("★ 已收藏"), actions.Unsave(post)
    return words.text("☆ 收藏"), actions.Save(post)


def read_button(post: PostId, words: Words, *, read: bool) -> tuple[str, actions.Action]:
    """Return label and action of the button that marks a post as read, or, once it is, takes that back."""
    if read:
        return words.text("标为未读"), actions.MarkUnread(post)
    return words.text("读过了"), actions.MarkRead(post)
