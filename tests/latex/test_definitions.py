"""Macros that a post defines are expanded, within bounds, and their definitions are never sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.latex.definitions import MAX_LENGTH, MAX_PAGE_STEPS, MAX_STEPS, Budget, Definitions, collect, expand
from bot.latex.nodes import TexError
from tests.latex.formulas import endless_definitions
from tests.tools.examples import examples

EXPANSIONS: dict[str, tuple[str, str]] = {
    "new command": (r"\newcommand{\tr}{\mathrm{tr}}\tr(A)", r"\mathrm{tr}(A)"),
    "name without a backslash": (r"\newcommand{tr}{\mathrm{tr}}\tr(A)", r"\mathrm{tr}(A)"),
    "name without braces": (r"\newcommand\tr{t}\tr A", "t A"),
    "star": (r"\newcommand*{\x}{y}\x", "y"),
    "arguments": (r"\newcommand{\f}[2]{#2/#1}\f{a}b", "b/a"),
    "default argument": (r"\newcommand{\n}[2][2]{\|#2\|_{#1}}\n{x}+\n[1]{y}", r"\|x\|_{2}+\|y\|_{1}"),
    "primitive definition": (r"\def\x#1#2{#1+#2}\x ab", "a+b"),
    "alias of a primitive": (r"\let\v\vec\renewcommand{\vec}[1]{\bf\v{#1}}\vec{x}", r"\bf\vec{x}"),
    "alias of a macro": (r"\def\a{1}\let\b=\a\def\a{2}\a\b", "21"),
    "operator": (r"\DeclareMathOperator{\diag}{diag}\diag(a)", r"\operatorname{diag}(a)"),
    "operator with limits": (r"\DeclareMathOperator*{\x}{x}\x", r"\operatorname*{x}"),
    "macro in a macro": (r"\def\a{\b c}\def\b{d}\a", "d c"),
    "redefinition": (r"\def\a{1}\a\renewcommand{\a}{2}\a", "12"),
    "name before a letter": (r"\newcommand{\g}{\gamma}\def\h#1{#1x}\h{\g}", r"\gamma x"),
    "longer name with the same beginning": (r"\def\a{1}\alpha\a", r"\alpha 1"),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "expanded"), EXPANSIONS.values(), ids=EXPANSIONS)
def test_macro_is_expanded(tex: str, expanded: str) -> None:
    assert expand(tex, {}).replace(" ", "") == expanded.replace(" ", "")


BROKEN = {
    "endless": endless_definitions("x"),
    "endless in a circle": endless_definitions("ab"),
    "doubling": endless_definitions("abcd", uses=2),
    "long": r"\def\a#1{#1#1#1#1#1#1#1#1#1#1}\a{\a{\a{\a{\a{x}}}}}",
    "missing argument": r"\newcommand{\f}[2]{#1#2}\f{a}",
    "unknown parameter": r"\newcommand{\f}[1]{#2}\f{a}",
    "count out of range": r"\newcommand{\f}[x]{#1}\f{a}",
    "default without argument": r"\newcommand{\f}[0][x]{y}\f",
    "open body": r"\newcommand{\f}{a",
    "no name": r"\newcommand{}{a}",
    "delimited parameter": r"\def\f(#1){#1}\f(a)",
    "nothing": r"\def",
}


@pytest.mark.parametrize("tex", BROKEN.values(), ids=BROKEN)
def test_broken_definition_is_refused(tex: str) -> None:
    with pytest.raises(TexError):
        expand(tex, {})


def test_definition_after_a_broken_use_is_collected() -> None:
    assert collect([r"\newcommand{\f}[2]{#1#2}\f{a}", r"\f{\g}\def\g{1}"]).keys() == {"f", "g"}


def test_definitions_are_collected_over_all_formulas() -> None:
    definitions = collect([r"x^2", r"\def\a{1}\a", r"\def\a{2}\def\b{\a}", r"\def\broken"])
    assert {name: each.body for name, each in definitions.items()} == {"a": "1", "b": r"\a"}
    assert expand(r"\b+\a", definitions) == "1+1"


def test_the_formulas_of_a_page_share_a_bound() -> None:
    budget = Budget(left=8)
    definitions = collect([r"\def\a{xy}"])

    assert expand(r"\a+\a", definitions, budget) == "xy+xy"
    with pytest.raises(TexError):
        expand(r"\a+\a", definitions, budget)
    assert expand("z", definitions, budget) == "z"  # nothing to expand
    assert expand(r"\a", definitions) == "xy"  # another page


def test_one_formula_leaves_room_for_the_others_of_its_page() -> None:
    budget = Budget()
    with pytest.raises(TexError):
        expand(endless_definitions("x"), {}, budget)

    assert budget.left == MAX_PAGE_STEPS - MAX_STEPS


def test_definitions_are_collected_up_to_the_bound() -> None:
    endless = [rf"\def\a{{{'{x}' * MAX_STEPS}}}"] * 4

    assert collect([r"\def\b{1}", *endless, r"\def\c{2}"]).keys() == {"b"}


_PIECES = st.sampled_from(
    [
        *[
            r"\def",
            r"\newcommand",
            r"\let",
            r"\x",
            r"\y",
            r"{",
            r"}",
            r"[",
            r"]",
            r"#",
            r"1",
            r"2",
            r"x",
            r"*",
            r"=",
        ],
        " ",
    ]
)


@examples(100)
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_any_source_is_expanded_within_bounds_or_refused(tex: str) -> None:
    definitions: Definitions = {}
    try:
        expanded = expand(tex, definitions)
    except TexError:
        return
    assert len(expanded) <= 2 * MAX_LENGTH
