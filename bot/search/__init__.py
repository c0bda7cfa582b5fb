"""Search service: one index in memory, brought up to date before each search from what changed."""

from datetime import datetime

from bot.search.index import Index, build, update
from bot.search.ranker import MOST_HITS, Hit, search
from storage.database import Transaction
from storage.model import PostId


class SearchService:
    """The index of one process; the revision of the posts shows which of them changed."""

    def __init__(self) -> None:
        self._index = Index()
        self._revision: tuple[int, datetime | None] = (0, None)
        self._ids: frozenset[PostId] = frozenset()

    async def search(self, tx: Transaction, typed: str, most: int = MOST_HITS) -> tuple[Hit, ...]:
        """Return the hits of a query among all stored posts."""
        return search(await self.index(tx), typed, most)

    async def index(self, tx: Transaction) -> Index:
        """Return the index of all stored posts."""
        revision = await tx.posts.revision()
        if revision != self._revision:
            changed = await tx.posts.changed_since(self._revision[1])
            self._ids |= {post.id for post in changed}
            if len(self._ids) == revision[0]:
                self._index = update(self._index, changed) if self._revision[0] else build(changed)
            else:  # a post is gone: it was joined into another
                changed = await tx.posts.everything()
                self._ids = frozenset(post.id for post in changed)
                self._index = build(changed)
            self._revision = revision
        return self._index
