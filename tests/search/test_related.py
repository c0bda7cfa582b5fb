"""Related posts and their reasons."""

from dataclasses import replace

from bot.search.index import build
from bot.search.related import Reason, related_posts
from storage.model import PostId
from tests.tools.quality_search import post

POSTS = (
    post(1, "扩散漫谈（一）：起点", series="扩散漫谈", episode=1),
    post(2, "扩散漫谈（二）：终点", series="扩散漫谈", episode=2),
    replace(post(3, "位置编码的来历"), tags=("外推",)),
    replace(post(4, "另一种相对位置"), tags=("外推",)),
    post(5, "层次分解位置编码"),
    post(6, "煮米汤"),
    post(7, "观星"),
)
INDEX = build(POSTS)


def reasons(number: int, mentioned: dict[PostId, str] | None = None) -> dict[int, tuple[Reason, str]]:
    related = related_posts(INDEX, POSTS[number - 1], mentioned or {})
    return {one.post_id: (one.reason, one.name) for one in related}


def test_posts_of_one_series_are_related() -> None:
    assert reasons(1) == {2: (Reason.SERIES, "")}


def test_tags_and_terms_relate_posts() -> None:
    found = reasons(3)

    assert found[4] == (Reason.TAG, "外推")
    assert found[5] == (Reason.TERM, "位置编码")
    assert 6 not in found


def test_posts_that_mention_the_same_are_related() -> None:
    assert reasons(6, {PostId(7): "RoPE"}) == {7: (Reason.MENTION, "RoPE")}


def test_a_post_is_not_related_to_itself() -> None:
    for each in POSTS:
        assert each.id not in reasons(each.id)
