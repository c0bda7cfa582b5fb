"""Addresses of posts and papers, and deep links both ways."""

import re
from datetime import date
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import (
    Action,
    Archive,
    Latest,
    MarkRead,
    SearchPage,
    SeriesIndex,
    Settings,
    ShowPost,
    ShowScope,
    Subscriptions,
)
from bot.callbacks.codec import LARGEST
from bot.messages.links import (
    app_link,
    app_start_path,
    decode_start,
    deep_link,
    group_link,
    page_path,
    paper_urls,
    post_url,
    search_path,
    search_url,
    share_link,
    start_payload,
)
from tests.messages.posts import LEAKY, post

numbers = st.integers(0, LARGEST)
linked = st.one_of(
    st.builds(ShowPost, numbers),
    st.builds(ShowScope, numbers),
    st.builds(SearchPage, numbers),
    st.builds(SeriesIndex, numbers),
    st.builds(Settings, numbers),
    st.builds(Subscriptions, st.just(1), numbers),
)


def test_a_post_is_linked_by_its_archive_id() -> None:
    assert post_url(LEAKY) == "https://kexue.fm/archives/9728"


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("muon", "muon"),
        ("A/B 测试?", "A%2FB%20%E6%B5%8B%E8%AF%95%3F"),
        ("快乐！|| 原来", "%E5%BF%AB%E4%B9%90%EF%BC%81%7C%7C%20%E5%8E%9F%E6%9D%A5"),
        ("#1 &amp; <b>", "%231%20%26amp%3B%20%3Cb%3E"),
    ],
)
def test_a_post_without_one_is_searched_for_on_the_blog(title: str, path: str) -> None:
    assert post_url(post(1, title, date(2020, 1, 1))) == f"https://kexue.fm/search/{path}/"


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_the_search_address_carries_the_words_and_nothing_else(words: str) -> None:
    address = urlsplit(search_url(words))
    assert (address.netloc, address.query, address.fragment) == ("kexue.fm", "", "")
    assert address.path.count("/") == 3
    assert unquote(address.path.split("/")[2]) == " ".join(words.split())


def test_the_search_address_of_an_endless_title_stays_short() -> None:
    """Telegram's parser refuses a message that is too long before its markup is taken away."""
    assert len(search_url("&长" * 20_000)) < 2500


def test_a_paper_is_searched_for_in_two_places() -> None:
    places = dict(paper_urls("Attention & “Beyond”?"))
    assert places == {
        "Cool Papers": "https://papers.cool/arxiv/search?query=Attention%20%26%20%E2%80%9CBeyond%E2%80%9D%3F",
        "arXiv": "https://arxiv.org/search/?query=Attention%20%26%20%E2%80%9CBeyond%E2%80%9D%3F&searchtype=title",
    }


@given(linked)
def test_a_deep_link_comes_back(action: Action) -> None:
    payload = start_payload(action)
    assert payload is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload)
    assert decode_start(payload) == action


@given(st.text(max_size=70))
def test_any_payload_is_an_action_or_none(payload: str) -> None:
    action = decode_start(payload)
    assert action is None or start_payload(action) == payload


@pytest.mark.parametrize(
    "payload", ["", "p_", "p_01", "p_-1", "p_9223372036854775808", "z_1", "P_1", "p_1\n", "p_１"]
)
def test_a_forged_payload_is_refused(payload: str) -> None:
    assert decode_start(payload) is None


def test_without_a_username_there_are_no_deep_links() -> None:
    assert deep_link(None, ShowPost(3)) is None
    assert group_link(None) is None
    assert deep_link("kexue_bot", Latest()) is None
    assert deep_link("kexue_bot", ShowPost(3)) == "https://t.me/kexue_bot?start=p_3"


@pytest.mark.parametrize(
    ("bot", "shared"),
    [("kexue_bot", "https://t.me/kexue_bot?start=p_13"), (None, "https://kexue.fm/archives/9728")],
)
def test_a_post_is_shared_by_its_card_or_its_page(bot: str | None, shared: str) -> None:
    query = parse_qs(urlsplit(share_link(bot, LEAKY)).query)
    assert query == {"url": [shared], "text": [LEAKY.title]}


@given(st.text(max_size=40).map(lambda part: part * 300))
def test_the_address_of_sharing_stays_short(title: str) -> None:
    assert len(share_link(None, post(1, title))) < 4_000


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (ShowPost(12), "/post/12"),
        (ShowScope(7), "/scope/7"),
        (Latest(), "/"),
        (SeriesIndex(3), "/series"),
        (Archive(), "/archive"),
        (Archive(2021), "/archive"),
        (Archive(2021, 3), "/archive/2021-03"),
        (Settings(), "/me"),
        (Settings(9), "/me?chat=9"),
        (Subscriptions(destination=9), "/me?chat=9"),
        (MarkRead(1), None),
    ],
)
def test_an_action_has_its_page(action: Action, path: str | None) -> None:
    assert page_path(action) == path


@given(linked)
def test_a_direct_link_opens_the_page_of_its_action(action: Action) -> None:
    link = app_link("kexue_bot", action)
    assert link is not None
    payload = link.partition("?startapp=")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,512}", payload)
    assert app_start_path(payload) == page_path(action)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_a_direct_link_carries_the_words_of_a_search(words: str) -> None:
    link = app_link("kexue_bot", words)
    assert link is not None
    payload = link.partition("?startapp=")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{2,512}", payload)
    path = app_start_path(payload)
    assert path is not None
    if len(words.encode()) <= 380:
        assert path == search_path(words)


@pytest.mark.parametrize("payload", ["", "w", "w_é", "w_" + "a" * 600, "w_gICA", "x_1", "p_", "../etc"])
def test_an_unknown_start_parameter_has_no_page(payload: str) -> None:
    assert app_start_path(payload) is None
