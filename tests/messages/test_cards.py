"""Cards and announcements as readers see them."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.cards import (
    CardFacts,
    Growth,
    News,
    SeriesPlace,
    announcement,
    card,
    hashtag,
    why_line,
)
from bot.messages.i18n import LANGUAGES, Words, words_for
from bot.messages.scope_pages import Neighbour
from bot.render.document import Message, Quote
from bot.render.html import plain, render_classic
from storage.model import ExcerptLength, ScopeId
from tests.messages.golden_files import Scene, check, check_keyboard
from tests.messages.posts import (
    ATTENTION,
    EMBEDDING,
    EVERYTHING,
    LEAKY,
    LENGTH,
    NOISE,
    POSITION,
    ROPE,
    SPECTRA,
    UNDATED,
    WORD,
    post,
)

PLACE = SeriesPlace(
    scope=ROPE,
    position=13,
    of=21,
    previous=Neighbour(post=12, episode=12),
    next=Neighbour(post=14, episode=14),
)
FULL = CardFacts(
    post=LEAKY,
    series=PLACE,
    growth=Growth(readers=1046, days=30),
    tags=(ATTENTION, POSITION, LENGTH),
    inferred=(NOISE,),
    related=4,
    papers=1,
    saved=False,
    read=False,
    bot="kexue_bot",
)


def _announced(words: Words) -> Message:
    return announcement(FULL, words, news=News.WRITTEN, why=(ROPE, ATTENTION))


SCENES: dict[str, Scene] = {
    "full": lambda words: card(FULL, words),
    "bare": lambda words: card(CardFacts(post=SPECTRA), words),
    "guessed year": lambda words: card(CardFacts(post=EMBEDDING, saved=True, read=True), words),
    "no year": lambda words: card(CardFacts(post=UNDATED), words),
    "announced": _announced,
    "found and edited": lambda words: announcement(
        CardFacts(post=SPECTRA, excerpt=ExcerptLength.NONE), words, news=News.FOUND, edited=True
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_a_card_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("cards", name, SCENES[name], language)


def test_an_edited_announcement_ends_with_the_notice() -> None:
    body = announcement(FULL, words_for("zh"), news=News.WRITTEN, edited=True).body
    assert plain(body).startswith("新文章")
    assert plain(body).endswith("（标题有更新）")


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ((), None),
        ((EVERYTHING,), None),
        ((EVERYTHING, ROPE), None),
        ((ROPE,), "订阅：系列「Transformer升级之路」"),
        ((ROPE, LENGTH), "订阅：系列「Transformer升级之路」、标签「外推」"),
    ],
)
def test_why_a_post_comes(why: tuple[()], line: str | None) -> None:
    assert why_line(why, words_for("zh")) == line


def test_an_announcement_for_many_subscriptions_is_one_message() -> None:
    why = tuple(replace(WORD, id=ScopeId(number), name=f"位置编码 外推 {number}") for number in range(200))
    message = announcement(FULL, words_for("zh"), news=News.WRITTEN, why=why)
    assert len(render_classic(message)) == 1
    assert "外推 11」 …" in plain(message.body)


@pytest.mark.parametrize(
    ("length", "most"), [(ExcerptLength.NONE, 0), (ExcerptLength.SHORT, 200), (ExcerptLength.FULL, 1600)]
)
def test_the_excerpt_is_as_long_as_chosen(length: ExcerptLength, most: int) -> None:
    long = post(1, "长文", date(2020, 1, 1), excerpt="这里有一句不长不短的话。" * 500)
    quotes = [
        block
        for block in card(CardFacts(post=long, excerpt=length), words_for("zh")).body
        if isinstance(block, Quote)
    ]
    shown = sum(len(plain(quote.blocks)) for quote in quotes)
    assert shown <= most
    assert shown > most * 0.8 or most == 0


@pytest.mark.parametrize(
    ("tag", "shown"),
    [("flow", "#flow"), ("Cool Papers", "#Cool_Papers"), ("C++", "#C"), ("变分/重参", "#变分_重参")],
)
def test_a_hashtag_has_only_what_telegram_recognises(tag: str, shown: str) -> None:
    assert hashtag(tag) == shown


@given(title=st.text(), excerpt=st.text(max_size=4000), tags=st.lists(st.text(max_size=40), max_size=9))
def test_any_post_is_one_valid_message(title: str, excerpt: str, tags: list[str]) -> None:
    odd = post(2**63 - 1, title, excerpt=excerpt, tags=tuple(tags), category=title, readers=10**7)
    for language in LANGUAGES:
        message = card(CardFacts(post=odd, related=1, papers=1, saved=True, read=True), words_for(language))
        check_keyboard(message)
        assert len(render_classic(message)) >= 1
