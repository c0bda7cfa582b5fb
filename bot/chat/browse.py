"""Handlers of read-only requests about the archive: cards, lists, search, statistics."""

import asyncio
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from bot.archive_queries import (
    archive_figures,
    card_facts,
    days_between,
    episodes_numbered,
    known_count,
    latest_page,
    lines,
    month_page,
    series_page,
    tag_page,
    with_gaps,
)
from bot.callbacks.actions import (
    Action,
    Archive,
    CategoryIndex,
    Cite,
    Files,
    Hot,
    Latest,
    ListKind,
    Papers,
    Random,
    Related,
    Saved,
    SearchPage,
    SendFile,
    SeriesIndex,
    ShowPost,
    ShowScope,
    TagIndex,
)
from bot.chat import subscribe
from bot.chat.context import Reply, RequestContext, Services
from bot.messages import notices, post_lists, scope_pages
from bot.messages.cards import card
from bot.messages.citation import citation_view, papers_view
from bot.messages.elements import Page, page_of, with_page
from bot.messages.help import ArchiveFacts
from bot.messages.i18n import Words
from bot.messages.post_files import write_list
from bot.messages.post_lists import Found, Gain, Line, Span, search_results
from bot.messages.scope_pages import Asked, SeriesFacts
from bot.messages.statistics import can_draw, draw, stats, summary
from bot.messages.subscriptions import names_to_subscribe
from bot.render.document import Message
from bot.search.index import Index
from bot.search.names import Exact, Several, find
from bot.search.normalize import Snippet
from bot.search.query import parse_query
from bot.search.ranker import Hit, Tier
from bot.search.related import related_posts
from bot.text_sanitizer import one_line
from storage.database import Transaction
from storage.model import ChatKind, Counted, Post, PostId, Scope, ScopeId, ScopeKind

HOT = 40  # posts listed by /hot
NEAREST = 3
MOST_CITED = 5  # cited posts of which the other citing posts are read

NOT_IN_NAME = re.compile(r"[^\w.+-]+")  # of a file
LONGEST_NAME = 60  # characters of the name of a file

ASKED = {ScopeKind.SERIES: Asked.SERIES, ScopeKind.TAG: Asked.TAG, ScopeKind.CATEGORY: Asked.CATEGORY}


async def show_post(
    tx: Transaction, services: Services, request: RequestContext, action: ShowPost
) -> Message:
    post = await tx.posts.get(PostId(action.post))
    if post is None:
        return notices.post_gone(request.words)
    destination = request.destination.id if request.destination else None
    facts = await card_facts(
        tx,
        post,
        excerpt=request.preferences.excerpt,
        bot=services.bot,
        destination=destination,
        reader=request.reader,
    )
    shown = card(replace(facts, editable=request.manager), request.words)
    return _with_page(shown, services, request, action)


def _with_page(message: Message, services: Services, request: RequestContext, page: Action | str) -> Message:
    private = request.kind is ChatKind.PRIVATE
    return with_page(message, services.web_pages, page, request.words, private=private)


async def latest(tx: Transaction, services: Services, request: RequestContext, action: Latest) -> Message:
    if not await tx.posts.count():
        return notices.archive_empty(request.words)
    page = await _marked(tx, request, await latest_page(tx, action.page))
    view = post_lists.latest(page, request.words, bot=services.bot)
    return _with_page(view, services, request, action)


async def latest_n(tx: Transaction, services: Services, request: RequestContext, count: int) -> Message:
    """Return the newest `count` posts on one page."""
    page = await _marked(tx, request, await latest_page(tx, 1, count))
    return post_lists.latest(replace(page, number=1, of=1), request.words, bot=services.bot)


KIND_OF = {SeriesIndex: ScopeKind.SERIES, TagIndex: ScopeKind.TAG, CategoryIndex: ScopeKind.CATEGORY}


async def index(
    tx: Transaction,
    services: Services,
    request: RequestContext,
    action: SeriesIndex | TagIndex | CategoryIndex,
) -> Message:
    """Return all names of a kind; with a `destination` its buttons subscribe that chat with one tap."""
    counted = await tx.scopes.counted(KIND_OF[type(action)])
    if not counted:
        empty = not await tx.posts.count()
        return notices.archive_empty(request.words) if empty else notices.nothing_here(request.words)
    page = page_of(counted, action.page)
    if action.destination is not None:
        state = await subscribe.state_of(tx, request.other or request.destination)
        already = frozenset(scope.id for scope in state.wanted)
        place = subscribe.place_asked(request)
        return names_to_subscribe(page, action, already, request.words, place=place)
    match action:
        case SeriesIndex():
            facts = tuple([await _series_facts(tx, one) for one in page.items])
            series = Page(items=facts, number=page.number, of=page.of, total=page.total)
            view = scope_pages.series_index(series, request.words, bot=services.bot)
        case TagIndex():
            view = scope_pages.tag_index(page, request.words, bot=services.bot)
        case CategoryIndex():
            view = scope_pages.category_index(page, request.words, bot=services.bot)
        case _:
            assert_never(action)
    return _with_page(view, services, request, action)


async def _series_facts(tx: Transaction, counted: Counted) -> SeriesFacts:
    posts = await tx.posts.of_series(counted.scope.id)
    known = known_count(with_gaps(posts, counted.scope, ()))
    first, last = counted.first, counted.last
    span = ((first.year, first.month), (last.year, last.month)) if first and last else None
    return SeriesFacts(scope=counted.scope, have=len(posts), known=known, span=span)


async def show_scope(
    tx: Transaction, services: Services, request: RequestContext, action: ShowScope
) -> Message:
    scope = await tx.scopes.get(ScopeId(action.scope))
    if scope is None:
        return notices.link_unknown(request.words)
    wanted = await subscribed_to(tx, request)
    subscribed, broader = scope.id in wanted, bool(wanted - {scope.id})
    if scope.kind is ScopeKind.SERIES:
        read = await have_read(tx, request)
        facts, entries = await series_page(tx, scope, action.page, subscribed=subscribed, read=read)
        view = scope_pages.series_view(
            facts, entries, request.words, broader=broader, editable=request.manager, bot=services.bot
        )
        return _with_page(view, services, request, action)
    page, inferred = await tag_page(tx, scope, action.page)
    page = await _marked(tx, request, page)
    view = scope_pages.scope_view(
        scope,
        page,
        request.words,
        subscribed=subscribed,
        broader=broader,
        editable=request.manager,
        inferred=inferred,
        bot=services.bot,
    )
    return _with_page(view, services, request, action)


async def have_read(tx: Transaction, request: RequestContext) -> frozenset[PostId]:
    """Return the posts that the reader has marked as read; none in a group or channel."""
    return await tx.bookmarks.have_read(request.reader) if request.reader is not None else frozenset()


async def _marked(tx: Transaction, request: RequestContext, page: Page[Line]) -> Page[Line]:
    """Return the page with the posts marked that the reader has read."""
    read = await have_read(tx, request)
    return replace(page, items=tuple(replace(line, read=line.post.id in read) for line in page.items))


async def subscribed_to(tx: Transaction, request: RequestContext) -> frozenset[ScopeId]:
    return await tx.destinations.subscribed_to(request.destination.id) if request.destination else frozenset()


async def named(
    tx: Transaction, services: Services, request: RequestContext, kind: ScopeKind, name: str
) -> Message:
    """Return the page of the scope called `name`, a choice of several, or similar names."""
    found = await lookup(tx, kind, name)
    if isinstance(found, Scope):
        return await show_scope(tx, services, request, ShowScope(found.id))
    if kind is ScopeKind.SERIES and (episode := await _episode(tx, services, request, name)) is not None:
        return episode
    return several_or_none(found, kind, name, request.words)


async def _episode(tx: Transaction, services: Services, request: RequestContext, text: str) -> Message | None:
    """Return the episode that a series name with a number means, or the choice where several series fit."""
    for episode in parse_query(text).episodes:
        meant = await lookup(tx, ScopeKind.SERIES, episode.name)
        scopes = [meant] if isinstance(meant, Scope) else [one.scope for one in meant[0]]
        stored = await episodes_numbered(tx, scopes, episode.number)
        if len(stored) == 1:
            return await show_post(tx, services, request, ShowPost(*stored.values()))
        if isinstance(meant, Scope):
            return notices.episode_missing(request.words, meant.name, episode.number, meant.id)
        if meant[0]:
            fit = tuple(one for one in meant[0] if not stored or one.scope.id in stored)
            posts = {int(scope): ShowPost(post) for scope, post in stored.items()}
            return scope_pages.choices(text, fit, request.words, posts.__getitem__ if posts else ShowScope)
    return None


async def lookup(
    tx: Transaction, kind: ScopeKind, name: str
) -> Scope | tuple[tuple[Counted, ...], tuple[Scope, ...]]:
    """Return the scope that `name` means, or (those that match, those that are similar)."""
    counted = {one.scope.key: one for one in await tx.scopes.counted(kind)}
    match find(name.removeprefix("≈"), [(key, one.scope.name) for key, one in counted.items()]):
        case Exact((key, _)):
            return counted[key].scope
        case Several(choices):
            return tuple(counted[key] for key, _ in choices), ()
        case nearest:
            return (), tuple(counted[key].scope for key, _ in nearest.choices)


def several_or_none(
    found: tuple[tuple[Counted, ...], tuple[Scope, ...]],
    kind: ScopeKind,
    name: str,
    words: Words,
    to: Callable[[int], Action] = ShowScope,
) -> Message:
    """Return the choice of what matches `name`, with buttons of the action `to`, or what is similar."""
    choices, nearest = found
    if choices:
        return scope_pages.choices(name, choices, words, to)
    return scope_pages.unknown_name(ASKED[kind], name, nearest, words)


async def search_page(
    tx: Transaction, services: Services, request: RequestContext, action: SearchPage
) -> Message:
    phrase = await tx.scopes.words_of(action.phrase)
    if phrase is None:
        return notices.link_unknown(request.words)
    return await search(tx, services, request, phrase, action)


async def search(
    tx: Transaction,
    services: Services,
    request: RequestContext,
    phrase: str,
    action: SearchPage | None = None,
) -> Message:
    """Return a page of results; a phrase that was typed is stored here for its pages and files."""
    number, page, newest = (action.phrase, action.page, action.newest) if action else (None, 1, None)
    hits, newest = await services.search_service.pages(tx, phrase, services.today, newest)
    if not hits:
        return scope_pages.nothing_found(phrase, await _nearest(tx, phrase), request.words)
    shown = page_of(hits, page)
    if number is None:
        number = await tx.scopes.phrase(phrase, services.clock.now())
    posts = {post.id: post for post in await tx.posts.many(hit.post_id for hit in shown.items)}
    read = await have_read(tx, request)
    items = tuple(
        replace(found(posts[hit.post_id], hit), read=hit.post_id in read)
        for hit in shown.items
        if hit.post_id in posts
    )
    listed = Page(items=items, number=shown.number, of=shown.of, total=shown.total)
    first = SearchPage(number, newest=newest)
    whole = any(hit.whole for hit in hits)
    view = search_results(phrase, first, listed, request.words, whole=whole, bot=services.bot)
    return _with_page(view, services, request, phrase)


def found(post: Post, hit: Hit) -> Found:
    """Return a hit with its matches marked, in the title and in the tags or the excerpt."""
    marked = hit.title(post)
    title = _spans(marked) or (Span(text=post.title),)
    if hit.tier is not Tier.SCORED:
        return Found(post=post, title=title)
    tags, excerpt = hit.tags(post), hit.excerpt(post)
    in_tags = bool(tags) and not (marked and excerpt)
    return Found(post=post, title=title, context=_spans(tags if in_tags else excerpt), in_tags=in_tags)


def _spans(snippet: Snippet) -> tuple[Span, ...]:
    return tuple(Span(text=text, hit=match) for text, match in snippet)


async def _nearest(tx: Transaction, phrase: str) -> tuple[Scope, ...]:
    scopes = {
        f"{kind}:{one.scope.key}": one.scope
        for kind in (ScopeKind.SERIES, ScopeKind.TAG)
        for one in await tx.scopes.counted(kind)
    }
    match find(phrase, [(key, scope.name) for key, scope in scopes.items()]):
        case Exact((key, _)):
            return (scopes[key],)
        case others:
            return tuple(scopes[key] for key, _ in others.choices[:NEAREST])


async def related(tx: Transaction, services: Services, request: RequestContext, action: Related) -> Message:
    """Return the posts that a post cites, those that cite it, and similar ones with the reason."""
    post = await tx.posts.get(PostId(action.post))
    if post is None:
        return notices.post_gone(request.words)
    cited = await tx.posts.many(m.target for m in await tx.posts.mentions_in(post.id) if m.target is not None)
    citing = await tx.posts.mentioning(post.id)
    citing_same: dict[PostId, str] = {}
    for one in cited[:MOST_CITED]:
        citing_same |= {other.id: one.title for other in await tx.posts.mentioning(one.id)}
    index = await services.search_service.index(tx)
    ids = [[one.id for one in posts] for posts in (cited, citing)]
    notes = related_notes(index, post, ids[0], ids[1], citing_same, request.words)
    found = [Line(post=one, title=one.title, note=notes[one.id]) for one in await tx.posts.many(notes)]
    if not found:
        return notices.nothing_here(request.words)
    page = await _marked(tx, request, page_of(found, action.page))
    return post_lists.related(post, page, request.words, bot=services.bot)


def related_notes(
    index: Index,
    post: Post,
    cited: Sequence[PostId],
    citing: Sequence[PostId],
    citing_same: Mapping[PostId, str],
    words: Words,
) -> dict[PostId, str]:
    """Return the reason for each related post: cited, citing and similar ones, in this order.

    `citing_same` has the posts that cite what `post` cites too, with the title of that.
    """
    notes = {one: notices.cited_by_it(words) for one in cited}
    notes |= {one: notices.cites_it(words) for one in citing if one not in notes}
    for one in related_posts(index, post, citing_same):
        notes.setdefault(one.post_id, notices.related_by(words, one.reason, one.name))
    notes.pop(post.id, None)
    return notes


async def cite(tx: Transaction, _: Services, request: RequestContext, action: Cite) -> Message:
    post = await tx.posts.get(PostId(action.post))
    if post is None:
        return notices.post_gone(request.words)
    return citation_view(post, request.words)


async def papers(tx: Transaction, _: Services, request: RequestContext, action: Papers) -> Message:
    post = await tx.posts.get(PostId(action.post))
    if post is None:
        return notices.post_gone(request.words)
    named_papers = tuple(m.title for m in await tx.posts.mentions_in(post.id) if m.kind == "paper")
    return papers_view(post, named_papers, request.words)


async def _posts_of_list(
    tx: Transaction, services: Services, request: RequestContext, action: Files | SendFile
) -> tuple[str, list[Post]] | None:
    """Return the title and all posts of a list; None if it is gone, empty or another person's."""
    title = ""
    posts: list[Post] = []
    match action.kind:
        case ListKind.SCOPE:
            scope = await tx.scopes.get(ScopeId(action.number))
            if scope is not None:
                title = scope.name
                of_series = scope.kind is ScopeKind.SERIES
                posts = await (tx.posts.of_series if of_series else tx.posts.of_scope)(scope.id)
        case ListKind.SEARCH:
            title = await tx.scopes.words_of(action.number) or ""
            hits = await services.search_service.search(tx, title, services.today) if title else []
            posts = await tx.posts.many(hit.post_id for hit in hits)
        case ListKind.SAVED if request.reader is not None:
            title = notices.saved_name(request.words)
            posts = await tx.posts.many(await tx.bookmarks.saved(request.reader))
        case ListKind.SAVED:
            return None
        case _:
            assert_never(action.kind)
    return (title, list(posts)) if posts else None


def _empty(action: Files | SendFile, request: RequestContext) -> Message:
    """Return why a list has no posts."""
    if action.kind is not ListKind.SAVED:
        return notices.nothing_here(request.words)
    if request.reader is None:
        return notices.only_private(request.words)
    return post_lists.saved(page_of((), 1), request.words)


async def files(tx: Transaction, services: Services, request: RequestContext, action: Files) -> Reply:
    """Return the choice of a file format for a list, below it."""
    found = await _posts_of_list(tx, services, request, action)
    if found is None:
        return Reply(message=_empty(action, request), fresh=True)
    return Reply(message=post_lists.files(found[0], len(found[1]), action, request.words), fresh=True)


async def send_file(tx: Transaction, services: Services, request: RequestContext, action: SendFile) -> Reply:
    """Return a list as a document; its caption takes the place of the choice."""
    found = await _posts_of_list(tx, services, request, action)
    if found is None:
        return Reply(message=_empty(action, request))
    title, posts = found
    content = write_list(posts, action.form.value, title, request.site)
    name = f"{NOT_IN_NAME.sub('_', one_line(title))[:LONGEST_NAME].strip('_. ') or 'posts'}.{action.form}"
    return Reply(message=post_lists.file_sent(title, len(posts), request.words), document=(name, content))


async def archive(tx: Transaction, services: Services, request: RequestContext, action: Archive) -> Message:
    """Return the years, the months of a year, or the posts of a month."""
    year, month = action.year, action.month
    months = await tx.posts.per_month()
    if not months:
        return notices.archive_empty(request.words)
    if year is not None and month is not None and (year, month) in months:
        shown = await _marked(tx, request, await month_page(tx, year, month, action.page))
        return post_lists.posts_of_month(year, month, shown, request.words, bot=services.bot)
    of_year = tuple(sorted((m, n) for (y, m), n in months.items() if y == year))
    if year is not None and of_year:
        return post_lists.months(year, of_year, request.words)
    years: dict[int, int] = {}
    for (one, _), count in months.items():
        years[one] = years.get(one, 0) + count
    return post_lists.years(tuple(sorted(years.items(), reverse=True)), request.words)


async def hot(tx: Transaction, services: Services, request: RequestContext, action: Hot) -> Message:
    """Return the posts that gained most readers between their captures."""
    gains = await tx.posts.gains(HOT)
    posts = {post.id: post for post in await tx.posts.many(post_id for post_id, _, _ in gains)}
    found = [
        Gain(post=posts[post_id], readers=gain, days=days_between(over))
        for post_id, gain, over in gains
        if post_id in posts
    ]
    return post_lists.hot(page_of(found, action.page), request.words, bot=services.bot)


async def random_post(tx: Transaction, services: Services, request: RequestContext, _: Random) -> Message:
    total = await tx.posts.count()
    if not total:
        return notices.archive_empty(request.words)
    (post,) = await tx.posts.latest(1, random.randrange(total))  # noqa: S311 - a dice, not a key
    return await show_post(tx, services, request, ShowPost(post.id))


async def saved(tx: Transaction, services: Services, request: RequestContext, action: Saved) -> Message:
    if request.reader is None:
        return notices.only_private(request.words)
    read = await have_read(tx, request)
    ids = sorted(await tx.bookmarks.saved(request.reader), key=lambda post: post in read)  # unread first
    page = await _marked(tx, request, page_of(lines(await tx.posts.many(ids)), action.page))
    return post_lists.saved(page, request.words, bot=services.bot)


async def archive_facts(tx: Transaction) -> ArchiveFacts:
    newest = await tx.posts.latest(1)
    return ArchiveFacts(
        posts=await tx.posts.count(),
        newest=newest[0] if newest else None,
        everything=(await tx.scopes.everything()).id,
    )


async def show_figures(services: Services, request: RequestContext, _: str) -> Reply:
    """Return the figures of the blog as a picture, and as text where a picture cannot be sent: /stats."""
    figures = await services.database.read(archive_figures)
    if not figures.posts:
        return Reply(message=notices.archive_empty(request.words))
    text = stats(figures, request.words, bot=services.bot)
    if not (request.preferences.pictures and can_draw()):
        return Reply(message=text)
    png = await asyncio.to_thread(draw, figures, request.words.language)
    return Reply(message=text, picture=(png, summary(figures, request.words)))
