"""Excerpts as HTML of pages and feeds: formulas typeset, as MathML, or as code; nothing unescaped."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.content import EXCERPT_UNITS, excerpt_html, feed_formula, page_formula

MATHML = "{http://www.w3.org/1998/Math/MathML}"


@pytest.mark.parametrize(
    ("tex", "rows"),
    [
        (r"a<b", 0),
        (r"\begin{aligned}a&=b\\&=c\end{aligned}", 2),
        (r"\left\{\begin{gathered}x\\y\\z\end{gathered}\right.", 3),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", 2),
    ],
)
def test_a_feed_holds_a_formula_as_mathml_with_its_tex(tex: str, rows: int) -> None:
    math = ET.fromstring(feed_formula(tex, True))
    assert math.tag == f"{MATHML}math"
    assert math.findtext(f".//{MATHML}annotation") == tex
    assert len(math.findall(f".//{MATHML}mtr")) == rows


def test_a_formula_that_cannot_be_converted_is_code() -> None:
    assert feed_formula(r"\limits_{<x>}", False) == "<code>\\limits_{&lt;x&gt;}</code>"


@given(st.text(max_size=200))
def test_any_excerpt_is_well_formed(text: str) -> None:
    for formula in (page_formula, feed_formula):
        html = excerpt_html(text, formula)
        assert "<script" not in html


def test_markup_of_an_excerpt_is_text() -> None:
    assert excerpt_html("1 < 2 & <b>x</b>", page_formula) == "<p>1 &lt; 2 &amp; &lt;b&gt;x&lt;/b&gt;</p>"


def test_a_long_excerpt_is_cut_at_the_bound_of_a_card() -> None:
    html = excerpt_html("很长的摘要，" * 900, page_formula)
    assert html.endswith("…</p>")
    assert len(html) < EXCERPT_UNITS + 20
