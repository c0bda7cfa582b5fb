"""Lists and indexes as readers see them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import Action, Latest, Nothing, SearchPage, ShowPost
from bot.callbacks.codec import decode
from bot.messages import post_lists, scope_pages
from bot.messages.elements import PER_PAGE, Page, in_rows, label, page_of, paging, press
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.post_lists import Found, Gain, Gap, Line, Span, bar, search_results
from bot.messages.scope_pages import Asked, Neighbour, SeriesFacts
from bot.render.document import Message
from bot.text_sanitizer import units
from storage.model import Counted
from tests.messages.golden_files import Scene, check, check_keyboard
from tests.messages.posts import (
    AGE,
    ATTENTION,
    DDPM,
    DIFFUSION,
    EMBEDDING,
    GLOBAL,
    LEAKY,
    LENGTH,
    NOISE,
    POSITION,
    ROBUST,
    ROPE,
    SPECTRA,
    UNDATED,
    WINDOW,
    post,
)

BOT = "kexue_bot"
EPISODES: tuple[Line | Gap, ...] = (
    Line(post=DDPM, title="DDPM = 拆楼 + 建楼", label="1"),
    Gap(episode=2, title="DDPM = 自回归式VAE"),
    Gap(episode=3, last=4),
    *(
        Line(
            post=post(100 + n, f"生成扩散模型漫谈：第 {n} 篇", date(2022, n, 1)),
            title=f"第 {n} 篇",
            label=str(n),
        )
        for n in range(5, 13)
    ),
)
SERIES = SeriesFacts(
    scope=DIFFUSION,
    have=9,
    known=11,
    span=((2022, 6), (2026, 5)),
    read=1,
    next=Neighbour(post=104, episode=4),
)
LINES = tuple(
    Line(post=each, title=each.title)
    for each in (LEAKY, EMBEDDING, UNDATED, GLOBAL, ROBUST, WINDOW, DDPM, SPECTRA, SPECTRA)
)
HITS = (
    Found(
        post=LEAKY,
        title=(Span(text="Transformer升级之路：13、逆用Leaky "), Span(text="ReRoPE", hit=True)),
        context=(Span(text="…出发点是 "), Span(text="ReRoPE", hit=True), Span(text=" 的代价…")),
    ),
    Found(post=UNDATED, title=(Span(text=UNDATED.title),)),
)
CHOICES = (Counted(scope=ROPE, posts=21), Counted(scope=NOISE, posts=40))

SCENES: dict[str, Scene] = {
    "series": lambda words: scope_pages.series_view(SERIES, page_of(EPISODES, 1), words, bot=BOT),
    "series without a username": lambda words: scope_pages.series_view(SERIES, page_of(EPISODES, 2), words),
    "tag": lambda words: scope_pages.scope_view(LENGTH, page_of(LINES, 1), words, subscribed=True, bot=BOT),
    "category": lambda words: scope_pages.scope_view(AGE, page_of(LINES[:2], 1), words),
    "latest": lambda words: post_lists.latest(page_of(LINES, 1), words, bot=BOT),
    "saved": lambda words: post_lists.saved(page_of(LINES[:1], 1), words, bot=BOT),
    "nothing saved": lambda words: post_lists.saved(page_of((), 1), words),
    "related": lambda words: post_lists.related(
        LEAKY,
        page_of((Line(post=GLOBAL, title=GLOBAL.title, note=words.text("引用了这篇")),), 1),
        words,
        bot=BOT,
    ),
    "search": lambda words: search_results("ReRoPE", SearchPage(5), page_of(HITS, 1), words, bot=BOT),
    "search without a whole match": lambda words: search_results(
        "ReRoPE 拆楼", SearchPage(5), page_of(HITS, 1), words, whole=False, bot=BOT
    ),
    "years": lambda words: post_lists.years(((2023, 52), (2022, 54), (2009, 197), (2008, 1)), words),
    "months": lambda words: post_lists.months(2023, ((1, 4), (2, 3), (8, 6)), words),
    "month": lambda words: post_lists.posts_of_month(2023, 1, page_of(LINES[4:6], 1), words, bot=BOT),
    "hot": lambda words: post_lists.hot(
        page_of((Gain(post=DDPM, readers=35_412, days=30), Gain(post=LEAKY, readers=1_046, days=7)), 1),
        words,
        bot=BOT,
    ),
    "hot in one span": lambda words: post_lists.hot(
        page_of((Gain(post=DDPM, readers=35_412, days=7),), 1), words, bot=BOT
    ),
    "nothing hot": lambda words: post_lists.hot(page_of((), 1), words),
    "guessed tag": lambda words: scope_pages.scope_view(
        LENGTH, page_of(LINES[:2], 1), words, broader=True, inferred=2, bot=BOT
    ),
    "all series": lambda words: scope_pages.series_index(
        page_of((SERIES, SeriesFacts(scope=ROPE, have=21, known=21, span=((2021, 2), (2025, 7)))), 1),
        words,
        bot=BOT,
    ),
    "all tags": lambda words: scope_pages.tag_index(
        page_of((Counted(scope=ATTENTION, posts=61), Counted(scope=POSITION, posts=1)), 1), words, bot=BOT
    ),
    "all categories": lambda words: scope_pages.category_index(
        page_of((Counted(scope=AGE, posts=416),), 1), words
    ),
    "choices": lambda words: scope_pages.choices("trans", CHOICES, words),
    "unknown series": lambda words: scope_pages.unknown_name(
        Asked.SERIES, "extrapolation", (ROPE, DIFFUSION), words
    ),
    "unknown tag": lambda words: scope_pages.unknown_name(Asked.TAG, "量子", (), words),
    "nothing found": lambda words: scope_pages.nothing_found("长度外推 RWKV", (LENGTH,), words),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_a_list_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("post_lists", name, SCENES[name], language)


@pytest.mark.parametrize(
    ("have", "of", "shown"),
    [
        (0, 4, "░░░░"),
        (1, 400, "▓░░░"),
        (399, 400, "▓▓▓░"),
        (400, 400, "▓▓▓▓"),
        (2, 4, "▓▓░░"),
        (0, 0, ""),
    ],
)
def test_a_bar_is_full_only_if_nothing_lacks(have: int, of: int, shown: str) -> None:
    assert bar(have, of, 4) == shown


@pytest.mark.parametrize(
    ("total", "asked", "number", "shown"),
    [(0, 1, 1, 0), (8, 1, 1, 8), (9, 2, 2, 1), (9, 99, 2, 1), (9, 0, 1, 8), (9, -5, 1, 8)],
)
def test_a_page_beyond_either_end_is_the_nearest(total: int, asked: int, number: int, shown: int) -> None:
    page = page_of(range(total), asked)
    assert (page.number, len(page.items), page.total) == (number, shown, total)


def _actions(message: Message) -> list[Action | None]:
    return [decode(button.action or "") for row in message.keyboard for button in row]


def test_pages_offer_only_the_ways_there_are() -> None:
    pages = [paging(Page(items=(), number=number, of=3, total=24), Latest) for number in (1, 2, 3)]
    assert [[decode(button.action or "") for button in rows[0]] for rows in pages] == [
        [Nothing(), Latest(2)],
        [Latest(1), Nothing(), Latest(3)],
        [Latest(2), Nothing()],
    ]
    assert paging(page_of((1, 2), 1), Latest) == ()


def test_without_a_username_numbers_open_the_cards() -> None:
    opened = [
        act.post
        for act in _actions(post_lists.latest(page_of(LINES, 1), words_for("zh")))
        if isinstance(act, ShowPost)
    ]
    assert opened == [line.post.id for line in LINES[:PER_PAGE]]
    linked = _actions(post_lists.latest(page_of(LINES, 1), words_for("zh"), bot=BOT))
    assert not any(isinstance(action, ShowPost) for action in linked)


@given(st.integers(0, 40), st.integers(1, 8))
def test_rows_are_few_and_even(count: int, width: int) -> None:
    rows = in_rows((press(str(n), ShowPost(n)) for n in range(count)), width)
    assert [button.text for row in rows for button in row] == [str(n) for n in range(count)]
    assert len(rows) == -(-count // width)
    assert not rows or max(map(len, rows)) <= width
    assert not rows or max(map(len, rows)) - min(map(len, rows)) <= 1


@given(st.text(), st.integers(2, 40))
def test_a_label_fits(text: str, room: int) -> None:
    assert units(label(text, room)) <= room
    assert "\n" not in label(text, room)


@given(st.lists(st.tuples(st.text(max_size=50), st.booleans()), max_size=20), st.integers(-2, 5))
def test_any_list_has_valid_buttons(titles: list[tuple[str, bool]], number: int) -> None:
    entries: tuple[Line | Gap, ...] = tuple(
        Line(post=post(2**63 - 1, title, date(2020, 1, 1)), title=title)
        if kept
        else Gap(episode=n, title=title)
        for n, (title, kept) in enumerate(titles, 1)
    )
    for bot in (None, BOT):
        check_keyboard(scope_pages.series_view(SERIES, page_of(entries, number), words_for("en"), bot=bot))
