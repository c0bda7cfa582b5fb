"""Tables of the current schema, private to `storage`: rows never leave it.

History is in `migrations`; a test proves that the two agree.
"""

from storage.schema.archive import aliases, dumps, mentions, post_scopes, posts, scopes, sightings, sources
from storage.schema.chats import bookmarks, courses, destinations, phrases, subscriptions
from storage.schema.metadata import metadata
from storage.schema.outbox import deliveries, pace, plans, waiting
from storage.schema.processes import facts, leases, updates

__all__ = [
    "aliases",
    "bookmarks",
    "courses",
    "deliveries",
    "destinations",
    "dumps",
    "facts",
    "leases",
    "mentions",
    "metadata",
    "pace",
    "phrases",
    "plans",
    "post_scopes",
    "posts",
    "scopes",
    "sightings",
    "sources",
    "subscriptions",
    "updates",
    "waiting",
]
