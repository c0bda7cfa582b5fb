"""What a card shows of a post: its place in its series, its growth, its tags and relations."""

from collections.abc import Sequence
from datetime import timedelta

from bot.messages.cards import CardFacts, Growth, Neighbour, SeriesPlace
from storage.database import Transaction
from storage.model import DestinationId, ExcerptLength, Post, Scope, ScopeId, ScopeKind
from storage.model import Growth as Grown


async def card_facts(
    tx: Transaction,
    post: Post,
    *,
    excerpt: ExcerptLength = ExcerptLength.FULL,
    bot: str | None = None,
    destination: DestinationId | None = None,
    reader: int | None = None,
) -> CardFacts:
    """The facts of one card for a destination and, where one person reads it, that `reader`'s marks."""
    places = await tx.scopes.of_post(post.id)
    mentions = await tx.posts.mentions_in(post.id)
    cited = {mention.target for mention in mentions if mention.target is not None}
    citing = {citing.id for citing in await tx.posts.mentioning(post.id)}
    marks = await tx.marks.of(reader, post.id) if reader is not None else None
    return CardFacts(
        post=post,
        series=await _series_place(tx, post, destination),
        growth=_growth(await tx.posts.growth(post.id)),
        tags=tuple(scope for scope, inferred in places if scope.kind is ScopeKind.TAG and not inferred),
        inferred=tuple(scope for scope, inferred in places if scope.kind is ScopeKind.TAG and inferred),
        related=len((cited | citing) - {post.id}),
        papers=sum(mention.kind == "paper" for mention in mentions),
        saved=None if marks is None else marks.saved,
        read=None if marks is None else marks.read,
        excerpt=excerpt,
        bot=bot,
    )


async def _series_place(tx: Transaction, post: Post, destination: DestinationId | None) -> SeriesPlace | None:
    if post.series_id is None:
        return None
    scope = await tx.scopes.get(post.series_id)
    episodes = await tx.posts.of_series(post.series_id)
    if scope is None or not episodes:
        return None
    wanted = (
        await tx.destinations.subscribed_to(destination) if destination is not None else frozenset[ScopeId]()
    )
    return series_place(post, episodes, scope, subscribed=scope.id in wanted)


def series_place(post: Post, episodes: Sequence[Post], scope: Scope, *, subscribed: bool) -> SeriesPlace:
    """Where `post` stands among the stored `episodes`, which are in order."""
    at = next((i for i, episode in enumerate(episodes) if episode.id == post.id), 0)
    before = episodes[at - 1] if at > 0 else None
    after = episodes[at + 1] if at + 1 < len(episodes) else None
    return SeriesPlace(
        scope=scope,
        position=post.episode or at + 1,
        of=max([len(episodes), *(episode.episode or 0 for episode in episodes)]),
        previous=Neighbour(post=before.id, episode=before.episode) if before else None,
        next=Neighbour(post=after.id, episode=after.episode) if after else None,
        subscribed=subscribed,
    )


def _growth(grown: Grown | None) -> Growth | None:
    """Readers gained, if the captures lie at least a day apart."""
    if grown is None or grown.over < timedelta(days=1):
        return None
    return Growth(readers=grown.gained, days=round(grown.over / timedelta(days=1)))
