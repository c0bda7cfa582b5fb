"""Rich messages keep the shapes and limits of the Bot API, and are chosen where they show more."""

from typing import Any

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
from bot.render.rich import gains_from_rich, render_rich
from tests.fakes.rich_rules import faults, formulas, texts
from tests.latex.formulas import formulas_of, shared_excerpts
from tests.latex.profile import violations
from tests.render.bodies import bodies
from tests.tools.examples import examples
from tests.tools.shared import needs_shared

LINK = "https://kexue.fm/archives/1"


def para(text: str) -> Paragraph:
    return Paragraph((Text(text),))


def numbered(*labels: str | None) -> Items:
    return Items(tuple(Item((Text("甲"),), label) for label in labels))


def item(text: str, **number: object) -> dict[str, object]:
    return {"blocks": [{"type": "paragraph", "text": text}], **number}


SHAPES: dict[str, tuple[Body, list[dict[str, object]]]] = {
    "bare text": ((para("a < b & <b>"),), [{"type": "paragraph", "text": "a < b & <b>"}]),
    "a title with its link": (
        (Heading((Link(LINK, (Text("题"),)),), level=2),),
        [{"type": "heading", "size": 2, "text": {"type": "url", "text": "题", "url": LINK}}],
    ),
    "a script is no link": (
        (Paragraph((Link("javascript:x", (Text("题"),)), Text("乙"))),),
        [{"type": "paragraph", "text": "题乙"}],
    ),
    "formatting and a formula": (
        (Paragraph((Text("设 "), Bold((Text("粗 "),)), Formula(r"\bm{x}<y"), Code("c"))),),
        [
            {
                "type": "paragraph",
                "text": [
                    "设 ",
                    {"type": "bold", "text": "粗 "},
                    {"type": "mathematical_expression", "expression": r"\boldsymbol{x}<y"},
                    {"type": "code", "text": "c"},
                ],
            }
        ],
    ),
    "a formula that cannot be drawn": (
        (Paragraph((Formula(r"\foo"),)), DisplayFormula(r"\foo")),
        [
            {"type": "paragraph", "text": {"type": "code", "text": r"\foo"}},
            {"type": "pre", "text": r"\foo", "language": "latex"},
        ],
    ),
    "a quote with a formula": (
        (
            Quote((para("有"), DisplayFormula(r"x\tag{1}"), Heading((Text("节"),), level=4))),
            Footer((Text("苏"),)),
        ),
        [
            {
                "type": "blockquote",
                "blocks": [
                    {"type": "paragraph", "text": "有"},
                    {"type": "mathematical_expression", "expression": r"x\qquad(\text{1})"},
                    {"type": "heading", "size": 4, "text": "节"},
                ],
            },
            {"type": "footer", "text": "苏"},
        ],
    ),
    "a numbered list": (
        (numbered("1", "12"),),
        [{"type": "list", "items": [item("甲", type="1", value=1), item("甲", type="1", value=12)]}],
    ),
    "numbers with a sign": (
        (numbered("1", "◌ 2"),),
        [{"type": "list", "items": [item("甲", type="1", value=1), item("◌ 甲", type="1", value=2)]}],
    ),
    "a list with bullets": ((numbered(None, "≈"),), [{"type": "list", "items": [item("甲"), item("≈ 甲")]}]),
    "source": ((Preformatted(r"\begin{a"),), [{"type": "pre", "text": r"\begin{a", "language": "latex"}]),
    "blank blocks": (
        (para(" \u200b"), Quote(()), para("甲")),
        [{"type": "paragraph", "text": "甲"}],
    ),
}


@pytest.mark.parametrize(("body", "blocks"), SHAPES.values(), ids=SHAPES)
def test_shape_is_rendered(body: Body, blocks: list[dict[str, object]]) -> None:
    message = render_rich(Message(body=body))
    assert message == {"skip_entity_detection": True, "blocks": blocks}
    assert faults(message) == []


OVER: dict[str, Body] = {
    "nothing": (),
    "too many characters": tuple(para("长" * 1001) for _ in range(30)),
    "too many blocks": tuple(para("甲") for _ in range(401)),
    "too many items": (numbered(*map(str, range(200))),),
}


@pytest.mark.parametrize("body", OVER.values(), ids=OVER)
def test_over_the_limits_there_is_no_rich_message(body: Body) -> None:
    assert render_rich(Message(body=body)) is None


GAINS: dict[str, tuple[Body, bool]] = {
    "plain text": ((para("甲"), Footer((Text("乙"),))), False),
    "a title of our own": ((Heading((Text("题"),)), Quote((para("甲"),))), False),
    "a list of our own": ((numbered("1", "2"),), False),
    "an inline formula": ((Paragraph((Bold((Formula("x"),)),)),), True),
    "a formula in a title": ((Heading((Formula("x"),)),), True),
    "a formula in a list": ((Items((Item((Formula("x"),)),)),), True),
    "a display formula in a quote": ((Quote((DisplayFormula("x"),)),), True),
    "a formula that cannot be drawn": ((Paragraph((Formula(r"\foo"),)), DisplayFormula(r"\foo")), False),
    "a heading in a quote": ((Quote((Heading((Text("节"),)),)),), True),
    "a list in a quote": ((Quote((numbered("1"),)),), True),
    "source in a quote": ((Quote((Preformatted("x"),)),), False),
}


@pytest.mark.parametrize(("body", "gains"), GAINS.values(), ids=GAINS)
def test_rich_gains_where_something_is_better_shown(body: Body, gains: bool) -> None:
    assert gains_from_rich(body) is gains


@needs_shared
def test_every_excerpt_of_the_dumps_is_rich_with_all_its_formulas() -> None:
    for title, excerpt in shared_excerpts():
        body = (Heading((Link(LINK, (Text(title),)),), level=2), Quote(excerpt_body(excerpt)))
        message = render_rich(Message(body=body))
        assert faults(message) == []
        assert message is not None
        drawn = list(formulas(message["blocks"]))
        assert len(drawn) == sum(1 for block in body for _ in formulas_of(block))
        assert not any(violation for tex in drawn for violation in violations(tex))


@examples(60)
@given(bodies, st.integers(1, 30))
def test_any_body_keeps_shapes_and_limits(body: Body, times: int) -> None:
    message = render_rich(Message(body=body * times))
    if message is not None:
        assert faults(message) == []
        assert not any(violation for tex in formulas(message["blocks"]) for violation in violations(tex))


@examples(50)
@given(st.text(max_size=200))
def test_text_is_shown_as_text(text: str) -> None:
    message = render_rich(Message(body=(para(text),)))
    if message is not None:
        assert faults(message) == []
        assert len(list(texts(message["blocks"]))) == 1


@pytest.mark.parametrize(
    ("labels", "numbers", "said"),
    [
        (("1", "12"), [1, 12], ["文", "文"]),
        (("◌ 2", "3"), [2, 3], ["◌ 文", "文"]),
        (("2023", "2009"), [None, None], ["2023 文", "2009 文"]),
        (("·", "·"), [None, None], ["文", "文"]),
        (("1", "·"), [None, None], ["1 文", "文"]),
    ],
    ids=["numbers", "gaps", "years", "bullets", "mixed"],
)
def test_the_labels_of_a_list_stand_in_its_margin_or_before_its_lines(
    labels: tuple[str, ...], numbers: list[int | None], said: list[str]
) -> None:
    listed = Items(tuple(Item((Text("文"),), label=label) for label in labels))
    shown = render_rich(Message(body=(listed,)))
    assert shown is not None
    blocks: Any = shown["blocks"]
    items = blocks[0]["items"]
    assert [item.get("value") for item in items] == numbers
    assert [item["blocks"][0]["text"] for item in items] == said
