"""Macros that a post's own page defines: expanded in the excerpt, and never stored."""

from datetime import UTC, datetime

import pytest

from bot.intake.formats.detect import read_dump
from bot.intake.merge import combine, post_from_sighting
from storage.model import Dump, Layout, Sighting
from tests.intake.formats.samples import FOLDER, read

PAGE = (FOLDER / "post_page.html").read_text()
FIRST = PAGE[PAGE.index("<p>摘要") : PAGE.index("<!--more-->")]
HEAD = "示例漫谈(一):甲\nBy 苏剑林 | 2025-10-08 | 300位读者 |"
END = "转载到请包括本文地址：https://kexue.fm/archives/21001\n"
FORMULA = "$\\max \\tr(A)+\\norm{x}+\\diag(b)$"
SHOWN = "$\\max \\mathop{\\text{tr}}(A)+\\Vert x\\Vert+\\operatorname{diag}(b)$"
DEFINITIONS = (
    "\\newcommand{tr}{\\mathop{\\text{tr}}}",
    "\\def\\norm#1{\\Vert #1\\Vert}",
    "\\DeclareMathOperator{\\diag}{diag}",
)


def _squeezed(text: str | None) -> str:
    return (text or "").replace(" ", "")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"设{FORMULA}。<!--more--><p>$$ {''.join(DEFINITIONS)} a<b $$</p>", id="below the fold"),
        pytest.param(f"设${''.join(DEFINITIONS)}${FORMULA}。<!--more-->", id="formula of definitions"),
        pytest.param(f"设${''.join(DEFINITIONS)}{FORMULA[1:]}。<!--more-->", id="in its formula"),
        pytest.param(
            f"设{FORMULA}。<!--more-->"
            + "".join(f'<script type="math/tex">{tex}</script>' for tex in DEFINITIONS),
            id="drawn by MathJax",
        ),
    ],
)
def test_a_page_s_macros_are_expanded(body: str) -> None:
    (post,) = read(PAGE.replace(FIRST, f"<p>{body}</p>")).sightings
    assert _squeezed(post.excerpt) == _squeezed(f"设{SHOWN}。")


@pytest.mark.parametrize("escape", [str, lambda text: text.replace("_", "\\_").replace("*", "\\*")])
def test_a_text_s_macros_are_expanded(escape: object) -> None:
    below = f"正文$x_1{DEFINITIONS[0]}y_2$，$$ {DEFINITIONS[1]} $$，${DEFINITIONS[2]}$。"
    text = f"{HEAD}设{FORMULA}。\n\n{below}\n{END}"
    (post,) = read(escape(text)).sightings  # type: ignore[operator]
    assert _squeezed(post.excerpt).startswith(_squeezed(f"设{SHOWN}。"))
    assert "newcommand" not in (post.excerpt or "")


def test_an_expansion_without_bound_leaves_the_formula() -> None:
    endless = "\\newcommand{\\a}{\\a\\a}"
    (post,) = read(f"{HEAD}设$x+\\a$。\n\n正文${endless}$。\n{END}").sightings
    assert (post.excerpt or "").startswith("设$x+\\a$。")


def test_expanded_formulas_win_over_unknown_macros_in_any_order() -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    listed, paged = (
        post_from_sighting(Sighting(title="甲", excerpt=f"设{tex}。"), layout, at)
        for tex, layout in (("$\\unknown{A}$", Layout.LIST_PAGE), (SHOWN, Layout.POST_PAGE))
    )
    assert combine(listed, paged).excerpt == combine(paged, listed).excerpt == paged.excerpt


def test_a_dump_without_definitions_is_not_searched_for_them() -> None:
    dump = Dump(name="x", content=PAGE.encode(), captured_at=datetime(2026, 9, 1, tzinfo=UTC))
    assert read_dump(dump).sightings == read(PAGE).sightings
