"""Related posts by the scores of the search, shared series, tags and mentions, each with its reason."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.search.index import END, TAG_COMMA, Index, places
from bot.search.normalize import normalize
from bot.search.ranker import inverse_frequency, search
from bot.search.terms import terms_of
from storage.model import Post, PostId

MOST_RELATED = 20
_SERIES, _TAG, _MENTION = 0.6, 0.5, 0.8  # score of a shared series, of a rare shared tag, of a shared mention
_LEAST = 0.2


class Reason(StrEnum):
    """Why two posts are related."""

    SERIES = "series"
    MENTION = "mention"
    TAG = "tag"
    TERM = "term"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedPost:
    """A related post; `name` is the shared tag, term or mentioned title, empty for a series."""

    post_id: PostId
    reason: Reason
    name: str = ""
    score: float


def related_posts(
    index: Index, post: Post, mentioned: Mapping[PostId, str], most: int = MOST_RELATED
) -> tuple[RelatedPost, ...]:
    """Return the posts related to `post`, best first; `mentioned` has posts that mention what it mentions."""
    scores: defaultdict[PostId, float] = defaultdict(float)
    reasons: dict[PostId, RelatedPost] = {}

    def add(found: Iterable[RelatedPost]) -> None:
        for one in found:
            if one.post_id != post.id:
                scores[one.post_id] += one.score
                known = reasons.get(one.post_id)
                reasons[one.post_id] = one if known is None or known.score < one.score else known

    add(RelatedPost(post_id=i, reason=Reason.MENTION, name=t, score=_MENTION) for i, t in mentioned.items())
    add(_of_series_and_tags(index, post))
    add(_of_terms(index, post))
    best = sorted(scores, key=lambda post_id: (-scores[post_id], -post_id))
    return tuple(reasons[post_id] for post_id in best if scores[post_id] >= _LEAST)[:most]


def _of_series_and_tags(index: Index, post: Post) -> Iterable[RelatedPost]:
    series = normalize(post.series or "")
    given = post.inferred_tags if post.tags is None else post.tags
    tags = {normalize(tag): tag for tag in given}
    holding = {tag: sum(len(segment.in_labels(tag)) for segment in index.segments) for tag in tags}
    for segment, place in places(index):
        own_tags, own_series = segment.labels[place].split(END)
        post_id = PostId(segment.ids[place])
        if series and own_series == series:
            yield RelatedPost(post_id=post_id, reason=Reason.SERIES, score=_SERIES)
        if tags and own_tags:
            for tag in tags.keys() & set(own_tags.split(TAG_COMMA)):
                score = _TAG * inverse_frequency(len(index), holding[tag])
                yield RelatedPost(post_id=post_id, reason=Reason.TAG, name=tags[tag], score=score)


def _of_terms(index: Index, post: Post) -> Iterable[RelatedPost]:
    terms = terms_of(post.title, index)
    hits = {hit.post_id: hit for hit in search(index, post.title, most=2 * MOST_RELATED)}
    for segment, place in places(index):
        hit = hits.get(PostId(segment.ids[place]))
        if hit is None or hit.post_id == post.id:
            continue
        shared = [t.forms[0].text for t in terms if any(segment.holds(place, form.text) for form in t.forms)]
        if shared:
            name = max(shared, key=len)
            yield RelatedPost(post_id=hit.post_id, reason=Reason.TERM, name=name, score=min(1.0, hit.score))
