"""Shortened bodies keep their limit, end where a sentence ends, and never show half a formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render.document import (
    Body,
    Bold,
    Code,
    DisplayFormula,
    Formula,
    Heading,
    Item,
    Items,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.excerpt import excerpt_body
from bot.render.plain import plain
from bot.render.truncate import shorten
from bot.text_sanitizer import units
from tests.latex.formulas import formulas_of, shared_excerpts
from tests.render.bodies import bodies
from tests.tools.examples import examples
from tests.tools.shared import needs_shared


def para(text: str) -> Paragraph:
    return Paragraph((Text(text),))


CUTS: dict[str, tuple[Body, int, Body]] = {
    "what fits stays": ((para("甲。"),), 2, (para("甲。"),)),
    "after a sentence": (
        (para("第一句话在这里。第二句话在这里。第三句。"),),
        17,
        (para("第一句话在这里。第二句话在这里…"),),
    ),
    "after a clause": (
        (para("第一句话在这里说，第二句话在这里说。"),),
        12,
        (para("第一句话在这里说…"),),
    ),
    "between characters": ((para("一二三四五六七八九十"),), 6, (para("一二三四五…"),)),
    "not inside a title in brackets": (
        (para("见《什么是注意力？》的第二节。其余"),),
        12,
        (para("见《什么是注意力？》的…"),),
    ),
    "after a block": (
        (para("甲甲甲。"), para("乙乙乙乙乙乙乙乙。")),
        8,
        (para("甲甲甲。"), para("乙…")),
    ),
    "before a formula": (
        (Paragraph((Text("设"), Formula(r"\frac{a}{b}"), Text("为正。"))),),
        4,
        (para("设…"),),
    ),
    "after a formula": (
        (Paragraph((Text("设"), Formula("x^2"), Text("为正为正为正。"))),),
        4,
        (Paragraph((Text("设"), Formula("x^2"), Text("…"))),),
    ),
    "a heading does not stay alone": (
        (para("甲。"), Heading((Text("节"),)), para("乙" * 9)),
        7,
        (para("甲…"),),
    ),
    "a display formula is left out": ((para("有"), DisplayFormula("a+b+c+d+e")), 8, (para("有…"),)),
    "after a display formula": (
        (DisplayFormula("x"), para("乙乙乙乙乙")),
        3,
        (DisplayFormula("x"), para("…")),
    ),
    "after an item": (
        (Items((Item((Text("甲;"),), "1"), Item((Text("乙乙乙乙乙乙"),), "2"))),),
        8,
        (Items((Item((Text("甲…"),), "1"),)),),
    ),
    "inside a quote": ((Quote((para("一二三四五六"),)),), 4, (Quote((para("一二三…"),)),)),
    "inside bold": (
        (Paragraph((Bold((Text("一二三四五六"),)),)),),
        4,
        (Paragraph((Bold((Text("一二三"),)), Text("…"))),),
    ),
    "code is left out": ((Paragraph((Text("设"), Code("abcdef"))),), 4, (para("设…"),)),
    "source is left out": ((Preformatted("abcdef"),), 4, (para("…"),)),
    "a surrogate pair": ((para("😀😀😀😀"),), 4, (para("😀…"),)),
    "room for the mark alone": ((para("甲甲甲"),), 1, (para("…"),)),
    "no room": ((para("甲甲甲"),), 0, ()),
}


@pytest.mark.parametrize(("body", "room", "cut"), CUTS.values(), ids=CUTS)
def test_cut_is_at_the_best_place(body: Body, room: int, cut: Body) -> None:
    assert shorten(body, room) == cut
    assert units(plain(cut)) <= room


@examples(60)
@given(bodies, st.integers(0, 400))
def test_any_body_keeps_the_limit(body: Body, room: int) -> None:
    cut = shorten(body, room)
    assert units(plain(cut)) <= room
    if units(plain(body)) > room > 0:
        assert plain(cut).endswith("…")
    whole = {tex for block in body for tex in formulas_of(block)}
    assert {tex for block in cut for tex in formulas_of(block)} <= whole
    assert shorten(cut, room) == cut


@needs_shared
@pytest.mark.parametrize("room", [100, 300])
def test_excerpts_of_the_dumps_are_cut_after_sentences_or_clauses(room: int) -> None:
    for _, excerpt in shared_excerpts():
        body = excerpt_body(excerpt)
        shown = plain(shorten(body, room))
        assert units(shown) <= room
        assert units(shown) > room // 2 or shown == plain(body)
