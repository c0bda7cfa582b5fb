"""Classic pieces pass Telegram's own parser with the very text and entities that were meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render.document import (
    Body,
    Bold,
    Code,
    DisplayFormula,
    Footer,
    Formula,
    Heading,
    Item,
    Items,
    Link,
    Message,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.excerpt import excerpt_body
from bot.render.html import MAX_ENTITIES, MAX_UNITS, plain, render_classic
from bot.text_sanitizer import units
from tests.latex.formulas import shared_excerpts
from tests.render.bodies import bodies
from tests.tools.examples import examples
from tests.tools.shared import needs_shared
from tests.tools.telegram_parser import Entity, parse_html

LINK = "https://kexue.fm/archives/1"


def para(text: str) -> Paragraph:
    return Paragraph((Text(text),))


def shown(body: Body) -> list[tuple[str, list[Entity]]]:
    return [parse_html(piece) for piece in render_classic(Message(body=body))]


SHAPES: dict[str, tuple[Body, str]] = {
    "markup in text": ((para('a < b & c > d "e" <b>'),), 'a &lt; b &amp; c &gt; d "e" &lt;b&gt;'),
    "an entity in text": ((para("&amp; &lt;"),), "&amp;amp; &amp;lt;"),
    "bold link": (
        (Paragraph((Bold((Link(LINK + '?a=1&b="', (Text("题"),)),)),)),),
        f'<b><a href="{LINK}?a=1&amp;b=&quot;">题</a></b>',
    ),
    "a script is no link": ((Paragraph((Link("javascript:alert(1)", (Text("题"),)),)),), "题"),
    "a title under its series": (
        (para("系列"), Heading((Text("题"),), level=2), para("2023-08-14")),
        "系列\n<b>题</b>\n2023-08-14",
    ),
    "sections apart": (
        (para("甲"), Heading((Text("题"),), level=4), para("乙"), para("丙")),
        "甲\n\n<b>题</b>\n乙\n\n丙",
    ),
    "a list": (
        (para("如下"), Items((Item((Text("甲"),), "1"), Item((Text("乙"),))))),
        "如下\n1\u2002甲\n•\u2002乙",
    ),
    "a formula in Unicode": ((Paragraph((Text("设"), Formula(r"x^2<\frac{a}{b}"))),), "设x² &lt; a/b"),
    "a formula as source": ((Paragraph((Text("设"), Formula(r"\foo<1"))),), r"设<code>\foo&lt;1</code>"),
    "a display formula": ((para("有"), DisplayFormula("x=1"), para("成立。")), "有\nx = 1\n成立。"),
    "source stands alone": ((Preformatted(r"\begin{a"),), r"<pre>\begin{a</pre>"),
    "a short quote": (
        (Quote((para("甲"),)), Footer((Text("苏剑林"),))),
        "<blockquote>甲</blockquote>\n苏剑林",
    ),
    "a long quote": ((Quote((para("长" * 200),)),), f"<blockquote expandable>{'长' * 200}</blockquote>"),
    "a quote of many lines": (
        (Quote((para("甲"), para("乙"), para("丙"))),),
        "<blockquote expandable>甲\n\n乙\n\n丙</blockquote>",
    ),
    "a quote in a quote": (
        (Quote((Quote((para("甲"),)), para("乙"))),),
        "<blockquote>甲\n乙</blockquote>",
    ),
    "code in bold in a quote": (
        (Quote((Paragraph((Bold((Text("a"), Code("b"), Text("c"))),)),)),),
        "<blockquote><b>a</b><code>b</code><b>c</b></blockquote>",
    ),
    "what hides itself": ((para("a\u202eb\u200bc\u2066d\x00\ud83de\ufeff"),), "abcde"),
    "joined emoji": ((para("👩\u200d🚀 a\u200db"),), "👩\u200d🚀 ab"),
    "lines and tabs": ((para("a\tb\r\nc\n\n\n\nd"),), "a b\nc\n\nd"),
    "blank blocks": ((para("甲"), para(" \n "), Quote(()), Items(()), para("乙")), "甲\n\n乙"),
    "nothing": ((), ""),
}


@pytest.mark.parametrize(("body", "html"), SHAPES.values(), ids=SHAPES)
def test_shape_is_written(body: Body, html: str) -> None:
    assert "".join(render_classic(Message(body=body))) == html
    assert "".join(text for text, _ in shown(body)) == plain(body)


def test_entities_are_the_ones_meant() -> None:
    body = (
        Heading((Link(LINK, (Text("题😀"),)),), level=2),
        Quote((Paragraph((Text("设"), Formula(r"\foo"))),)),
    )
    ((text, entities),) = shown(body)
    assert text == "题😀\n设\\foo"
    assert entities == [
        {"type": "text_link", "offset": 0, "length": 3, "url": LINK},
        {"type": "bold", "offset": 0, "length": 3},
        {"type": "blockquote", "offset": 4, "length": 5},
        {"type": "code", "offset": 5, "length": 4},
    ]


@needs_shared
def test_every_excerpt_of_the_dumps_passes_the_parser() -> None:
    for title, excerpt in shared_excerpts():
        body = (Heading((Link(LINK, (Text(title),)),), level=2), Quote(excerpt_body(excerpt)))
        pieces = shown(body)
        assert [text for text, _ in pieces] == [plain(body)]
        kinds = [entity["type"] for _, entities in pieces for entity in entities]
        assert kinds[:2] == ["text_link", "bold"]
        assert sum(kind.endswith("blockquote") for kind in kinds) == 1


def test_cuts_between_blocks_first() -> None:
    body = tuple(para(letter * 1500) for letter in "abcde")
    assert [text for text, _ in shown(body)] == [plain(body[:2]), plain(body[2:4]), plain(body[4:])]


def test_cuts_at_line_ends_then_after_sentences_then_between_characters() -> None:
    lines = [text for text, _ in shown((para("\n".join(["x" * 1000] * 6)),))]
    assert [len(text) for text in lines] == [4003, 2001]
    sentences = [text for text, _ in shown((para(("好" * 999 + "。") * 6),))]
    assert [len(text) for text in sentences] == [4000, 2000]
    characters = [text for text, _ in shown((para("好" * 10_000),))]
    assert [len(text) for text in characters] == [4096, 4096, 1808]


def test_a_title_does_not_stay_alone() -> None:
    first, *_ = (text for text, _ in shown((para("题"), Quote((para("好" * 9000),)))))
    assert units(first) == MAX_UNITS
    first, *_ = (text for text, _ in shown((para("题\n日期"), para("好" * 999 + "。" + "好" * 4000))))
    assert units(first) == MAX_UNITS


def test_never_cuts_a_surrogate_pair_an_emoji_or_a_formula() -> None:
    assert [units(text) for text, _ in shown((para("x" + "😀" * 4096),))] == [4095, 4096, 2]
    joined = [text for text, _ in shown((para("👩\u200d🚀" * 1500),))]
    assert all(text.startswith("👩") and text.endswith("🚀") for text in joined)
    formulas = shown((Paragraph((Text("x" * 4090), Formula(r"\frac{a}{b}=\sqrt{c}"))),))
    assert [text for text, _ in formulas] == ["x" * 4090, "a/b = √c"]


def test_a_cut_quote_goes_on_as_a_quote() -> None:
    pieces = shown((Quote((para("好" * 3000), para("好" * 3000))), para("完")))
    assert [[entity["type"] for entity in entities] for _, entities in pieces] == [
        ["expandable_blockquote"]
    ] * 2
    assert pieces[1][0].endswith("\n完")


def test_more_links_than_entities_allow_are_several_pieces() -> None:
    link = Link(LINK, (Text("题"),))
    body = (Items(tuple(Item((link,), str(number)) for number in range(250))),)
    pieces = shown(body)
    assert sum(len(entities) for _, entities in pieces) == 250
    assert "\n".join(text for text, _ in pieces) == plain(body)


@examples(60)
@given(bodies)
def test_any_body_is_shown_as_meant(body: Body) -> None:
    pieces = shown(body)
    for text, entities in pieces:
        assert 0 < units(text) <= MAX_UNITS
        assert len(entities) <= MAX_ENTITIES
    assert "".join("".join(text for text, _ in pieces).split()) == "".join(plain(body).split())


@examples(20)
@given(bodies, st.integers(1, 40))
def test_any_body_many_times_keeps_the_limits(body: Body, times: int) -> None:
    repeated = body * times
    pieces = shown(repeated)
    assert all(0 < units(text) <= MAX_UNITS and len(entities) <= MAX_ENTITIES for text, entities in pieces)
    assert "".join("".join(text for text, _ in pieces).split()) == "".join(plain(repeated).split())


@examples(60)
@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    for _, entities in shown((para(text),)):
        # Entities that Telegram detects in any text.
        kinds = {entity["type"] for entity in entities}
        assert kinds <= {
            "url",
            "email",
            "mention",
            "hashtag",
            "cashtag",
            "bot_command",
            "phone_number",
            "bankcard",
        }
