"""The search index over the archive, kept in memory and brought up to date when a post changes."""

from datetime import datetime

from bot.search.index import MOST_HITS, Hit, Index, build, search, update
from storage.database import Transaction
from storage.model import PostId


class SearchService:
    """One for each process; every process sees every post, because the rows say what has changed."""

    def __init__(self) -> None:
        self._index: Index = build(())
        self._revision: tuple[int, datetime | None] = (0, None)
        self._ids: frozenset[PostId] = frozenset()

    async def search(self, tx: Transaction, words: str, most: int = MOST_HITS) -> tuple[Hit, ...]:
        revision = await tx.posts.revision()
        if revision != self._revision:
            changed = await tx.posts.changed_since(self._revision[1])
            self._ids |= {post.id for post in changed}
            if len(self._ids) == revision[0]:
                self._index = update(self._index, changed)
            else:  # a post is gone: it was joined into another
                changed = await tx.posts.everything()
                self._ids = frozenset(post.id for post in changed)
                self._index = build(changed)
            self._revision = revision
        return search(self._index, words, most)
