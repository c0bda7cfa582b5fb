"""The statements that run for every card and list, built once: building costs more than running."""

from sqlalchemy import bindparam, select

from storage.model import ScopeKind
from storage.schema import aliases, mentions, post_scopes, posts, scopes, sightings

# Newest first; a post whose year is not known yet goes last.
NEWEST = (posts.c.date.desc().nulls_last(), posts.c.id.desc())

ONE = select(posts).where(posts.c.id == bindparam("post"))
MANY = select(posts).where(posts.c.id.in_(bindparam("posts", expanding=True)))
LATEST = select(posts).order_by(*NEWEST).limit(bindparam("most")).offset(bindparam("after"))
OF_SERIES = (
    select(posts)
    .where(posts.c.series_id == bindparam("series"))
    .order_by(posts.c.episode.nulls_last(), posts.c.date.nulls_last(), posts.c.id)
)
MENTIONING = (
    select(posts)
    .where(posts.c.id.in_(select(mentions.c.post_id).where(mentions.c.target_id == bindparam("post"))))
    .order_by(*NEWEST)
)
MENTIONS_IN = select(mentions).where(mentions.c.post_id == bindparam("post")).order_by(mentions.c.position)
COUNTS = (
    select(sightings.c.readers, sightings.c.captured_at)
    .where(sightings.c.post_id == bindparam("post"), sightings.c.readers.is_not(None))
    .order_by(sightings.c.readers)
)

TAGS = (
    select(post_scopes.c.post_id, scopes.c.name, post_scopes.c.inferred)
    .join(scopes, scopes.c.id == post_scopes.c.scope_id)
    .where(scopes.c.kind == ScopeKind.TAG)
    .order_by(post_scopes.c.post_id, post_scopes.c.position)
)
TAGS_OF = TAGS.where(post_scopes.c.post_id.in_(bindparam("posts", expanding=True)))
ALIASES = select(aliases).order_by(aliases.c.title_key)
ALIASES_OF = ALIASES.where(aliases.c.post_id.in_(bindparam("posts", expanding=True)))
SERIES = select(scopes.c.id, scopes.c.key, scopes.c.name).where(
    scopes.c.id.in_(bindparam("series", expanding=True))
)
