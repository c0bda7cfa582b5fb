"""Digests: every post once, by series, then the rest by date."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.digests import Digest, Entry, Period, digest
from bot.messages.i18n import LANGUAGES, words_for
from bot.render.document import Item, Items, Link, Message
from bot.render.html import inline_text, render_classic
from tests.messages.golden_files import Scene, check, check_keyboard
from tests.messages.posts import DDPM, EMBEDDING, GLOBAL, ROBUST, SPECTRA, UNDATED, WINDOW, post

TODAY = date(2026, 11, 22)
ENTRIES = (
    Entry(post=GLOBAL, title="一种全局长度外推的新思路"),
    Entry(post=SPECTRA, title=SPECTRA.title),
    Entry(post=WINDOW, title="长度外推性与局部注意力"),
    Entry(post=UNDATED, title=UNDATED.title),
    Entry(post=DDPM, title="DDPM = 拆楼 + 建楼"),
    Entry(post=ROBUST, title="长度外推性与位置鲁棒性"),
    Entry(post=EMBEDDING, title=EMBEDDING.title),
)

SCENES: dict[str, Scene] = {
    "dump": lambda words: digest(Digest(period=Period.DUMP, day=TODAY, entries=ENTRIES, delivery=77), words),
    "day": lambda words: digest(Digest(period=Period.DAY, day=TODAY, entries=ENTRIES[1:2]), words),
    "week": lambda words: digest(Digest(period=Period.WEEK, day=TODAY, entries=ENTRIES[:1]), words),
    "week in the evening": lambda words: digest(
        Digest(period=Period.WEEK, day=TODAY, hour=20, entries=ENTRIES[:1]), words
    ),
    "night": lambda words: digest(Digest(period=Period.NIGHT, day=TODAY, entries=ENTRIES[3:5]), words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_a_digest_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("digests", name, SCENES[name], language)


def _items(message: Message) -> list[Item]:
    return [item for block in message.body if isinstance(block, Items) for item in block.items]


@given(st.permutations(ENTRIES))
def test_the_order_of_arrival_does_not_matter(entries: list[Entry]) -> None:
    facts = Digest(period=Period.DUMP, day=TODAY, entries=tuple(entries), delivery=77)
    assert digest(facts, words_for("zh")) == SCENES["dump"](words_for("zh"))


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=60),
            st.sampled_from([None, "甲", "乙"]),
            st.none() | st.integers(1, 40),
            st.none() | st.dates(),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_every_post_stands_in_it_once(facts: list[tuple[str, str | None, int | None, date | None]]) -> None:
    posts = [
        post(number, title, day, series=series, episode=episode, archive_id=number)
        for number, (title, series, episode, day) in enumerate(facts, 1)
    ]
    entries = tuple(Entry(post=each, title=each.title) for each in posts)
    message = digest(
        Digest(period=Period.WEEK, day=TODAY, entries=entries, delivery=2**63 - 1), words_for("en")
    )
    linked = [child.url for item in _items(message) for child in item.children if isinstance(child, Link)]
    assert sorted(linked) == sorted(f"https://kexue.fm/archives/{each.id}" for each in posts)
    check_keyboard(message)
    assert render_classic(message)


def test_the_series_is_named_once() -> None:
    said = [inline_text(item.children) for item in _items(SCENES["dump"](words_for("zh")))]
    assert [line for line in said if "升级之路" in line] == []
