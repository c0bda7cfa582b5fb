"""Excerpts as captured become paragraphs, headings, lists and formulas; nothing is lost."""

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
    Inline,
    Item,
    Items,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.excerpt import excerpt_body, shorten
from bot.render.html import plain
from bot.text_sanitizer import clean, units
from tests.latex.formulas import formulas_of, shared_excerpts
from tests.render.bodies import bodies
from tests.tools.examples import examples
from tests.tools.shared import needs_shared


def para(*children: Inline | str) -> Paragraph:
    return Paragraph(tuple(Text(child) if isinstance(child, str) else child for child in children))


MATHS: dict[str, tuple[str, Body]] = {
    "dollars": ("设$x^2$为输入。", (para("设", Formula("x^2"), "为输入。"),)),
    "round brackets": (r"设\(x\)为输入。", (para("设", Formula("x"), "为输入。"),)),
    "double dollars": ("有$$x$$成立。", (para("有"), DisplayFormula("x"), para("成立。"))),
    "square brackets": (r"有\[x\]成立。", (para("有"), DisplayFormula("x"), para("成立。"))),
    "equation": (r"有\begin{equation}x\end{equation}", (para("有"), DisplayFormula("x"))),
    "equation with star": (r"\begin{equation*}x\end{equation*}", (DisplayFormula("x"),)),
    "align keeps its environment": (
        r"\begin{align}a&=b\\c&=d\end{align}",
        (DisplayFormula(r"\begin{align}a&=b\\c&=d\end{align}"),),
    ),
    "environment inside one of its name": (
        r"\begin{cases}\begin{cases}a\end{cases}\end{cases}尾巴。",
        (DisplayFormula(r"\begin{cases}\begin{cases}a\end{cases}\end{cases}"), para("尾巴。")),
    ),
    "over many lines": (
        "是：\n\\begin{equation}\\begin{pmatrix}0 & \\\\\n1 & 0\n\\end{pmatrix}\\end{equation}\n后来。",
        (
            para("是："),
            DisplayFormula("\\begin{pmatrix}0 & \\\\\n1 & 0\n\\end{pmatrix}"),
            para("后来。"),
        ),
    ),
    "a label that nobody refers to": (r"$$x\label{a}$$", (DisplayFormula("x"),)),
    "references become numbers": (
        r"$$x\label{eq:a}$$由$\eqref{eq:b}$和\eqref{eq:a}得$$y\label{eq:b}$$",
        (DisplayFormula(r"x\tag{1}"), para("由(2)和(1)得"), DisplayFormula(r"y\tag{2}")),
    ),
    "a tag goes before a number": (
        r"$$x\tag{*}\label{a}$$见(\ref{a})和\eqref{a}。",
        (DisplayFormula(r"x\tag{*}"), para("见(*)和(*)。")),
    ),
    "equations without a label are counted, a tag is not": (
        (
            r"\begin{equation}x\end{equation}$$y$$\begin{align}a&=\begin{array}{l}b\\c\end{array}\\d&=e\notag\\"
            r"f&=g\label{f}\end{align}\begin{equation}h\tag{*}\end{equation}\begin{equation*}i\end{equation*}"
            r"\begin{equation}j\label{j}\end{equation}由\eqref{f}、\eqref{j}"
        ),
        (
            DisplayFormula("x"),
            DisplayFormula("y"),
            DisplayFormula(
                r"\begin{align}a&=\begin{array}{l}b\\c\end{array}\\d&=e\notag\\f&=g\tag{3}\end{align}"
            ),
            DisplayFormula(r"h\tag{*}"),
            DisplayFormula("i"),
            DisplayFormula(r"j\tag{4}"),
            para("由(3)、(4)"),
        ),
    ),
    "a tag in another row": (
        r"\begin{align}x\tag{*}\\y\label{y}\end{align}由\eqref{y}",
        (DisplayFormula(r"\begin{align}x\tag{*}\\y\tag{1}\end{align}"), para("由(1)")),
    ),
    "a reference out of the excerpt": (r"由\eqref{eq:rope}可知。", (para("由(rope)可知。"),)),
    "a reference inside a formula": (
        r"$$x\label{a}$$由$y\eqref{a}$可知。",
        (DisplayFormula(r"x\tag{1}"), para("由", Formula(r"y\text{(1)}"), "可知。")),
    ),
    "cut inside an environment": (
        "有\n\\begin{equation}\\frac{a}{\nb",
        (para("有"), Preformatted("\\begin{equation}\\frac{a}{\nb")),
    ),
    "cut inside dollars": (r"有$\frac{1}{", (para("有", Code(r"$\frac{1}{")),)),
    "prose after a broken formula": (
        "\\begin{align}a&=b\n然后是正文。",
        (Preformatted("\\begin{align}a&=b"), para("然后是正文。")),
    ),
    "an unknown environment is text": (r"见\begin{foo}x。", (para(r"见\begin{foo}x。"),)),
    "full-width signs": ("设$f（x）=1$为", (para("设", Formula("f（x）=1"), "为"),)),
    "a list with a full-width comma": (
        r"取$x，y\in\mathbb{R}$为",
        (para("取", Formula(r"x，y\in\mathbb{R}"), "为"),),
    ),
    "a full-width plus": (r"为$\Vert v\Vert ＋ u$。", (para("为", Formula(r"\Vert v\Vert ＋ u"), "。"),)),
    "a full stop inside": ("有$a_i$，$c=1。$又", (para("有", Formula("a_i"), "，", Formula("c=1"), "。又"),)),
    "Chinese names": (r"设$损失=\sum_i l_i$为", (para("设", Formula(r"损失=\sum_i l_i"), "为"),)),
    "a Chinese index": ("设$L_损失=1$为", (para("设", Formula("L_损失=1"), "为"),)),
    "a letter before letters": ("经典的$k$NN算法", (para("经典的", Formula("k"), "NN算法"),)),
    "a letter before an ordinal": ("第$n$th项", (para("第", Formula("n"), "th项"),)),
    "a letter before a digit": ("$L$2正则", (para(Formula("L"), "2正则"),)),
    "a sum before letters": ("$k+1$NN", (para(Formula("k+1"), "NN"),)),
    "over a line end": ("以及$g(x)\n= h(x)$。", (para("以及", Formula("g(x)\n= h(x)"), "。"),)),
    "over a line end with a script": (
        "甲。\n若$f(x) = x^2\n+ 1$，其中",
        (para("甲。"), para("若", Formula("f(x) = x^2\n+ 1"), "，其中")),
    ),
    "text behind a display formula": (
        "甲。\n句中$$x=y$$，后面继续",
        (para("甲。"), para("句中"), DisplayFormula("x=y"), para("，后面继续")),
    ),
    "words behind a display formula": (
        "甲。\n设$$x=1$$其中$x$是变量",
        (para("甲。"), para("设"), DisplayFormula("x=1"), para("其中", Formula("x"), "是变量")),
    ),
    "a line with a reference": (
        "甲。\n$$x\\label{eq:a}$$\n由\\eqref{eq:a}得",
        (para("甲。"), DisplayFormula(r"x\tag{1}"), para("由(1)得")),
    ),
    "a formula with a sign opens nothing": (
        "当$x>0$时,若$y<1$则$z$",
        (para("当", Formula("x>0"), "时,若", Formula("y<1"), "则", Formula("z")),),
    ),
    "money before formulas": (
        "价格$5，设$x^2$为输入，$y_1$为输出",
        (para("价格$5，设", Formula("x^2"), "为输入，", Formula("y_1"), "为输出"),),
    ),
    "money before a display formula": (
        "价格$5，有$$x=1$$成立",
        (para("价格$5，有"), DisplayFormula("x=1"), para("成立")),
    ),
    "blanks at one end": (
        "设$ x$与$y= 2 $。",
        (para("设", Formula("x"), "与", Formula("y= 2"), "。"),),
    ),
    "neighbours": ("设$x$$y$为", (para("设", Formula("x"), Formula("y"), "为"),)),
    "dollars in the text of a formula": (
        r"设$\text{若$x>0$则}y$为",
        (para("设", Formula(r"\text{若$x>0$则}y"), "为"),),
    ),
    "code between fences": (
        "甲。\n```python\na = $x\nb_1\n```\n乙。",
        (para("甲。"), Preformatted("a = $x\nb_1", "python"), para("乙。")),
    ),
    "code without its closing fence": ("甲。\n~~~\na", (para("甲。"), Preformatted("a", ""))),
    "table rows": (
        "甲。\n| $a$ | $b$ |\n|---|---|\n| 1 | 2 |",
        (
            para("甲。"),
            para("| ", Formula("a"), " | ", Formula("b"), " |"),
            para("|---|---|"),
            para("| 1 | 2 |"),
        ),
    ),
    "a definition holds for later formulas": (
        r"设$\newcommand{sg}{\mathop{\text{sg}}}\sg(x)$与$\sg(y)$",
        (para("设", Formula(r"\mathop{\text{sg}}(x)"), "与", Formula(r"\mathop{\text{sg}}(y)")),),
    ),
    "definitions alone": (r"$$\def\a{1}$$甲$\a$", (para("甲", Formula("1")),)),
    "a definition after its use": (
        r"有$\a$，记$\def\a{1}\a$",
        (para("有", Formula("1"), "，记", Formula("1")),),
    ),
    "an endless definition": (r"有$\def\a{\a}\a$", (para("有", Formula(r"\def\a{\a}\a")),)),
    "empty dollars": ("有$$$$和$$ $$。", (para("有$$$$和$$ $$。"),)),
}

MONEY = [
    "花了$5和$10。",
    "It costs $5 or $10 a month.",
    "$395k vs $483k",
    "从$5到$10,都贵。",
    "运行 $HOME/bin:$PATH 即可。",
    "只有一个$。",
    "价格$5",
    "US$ 5 and US$ 6",
    "买$5一斤,卖$6一斤",
]

LINES: dict[str, tuple[str, Body]] = {
    "a short lone line heads what follows": (
        "第一段。\n旧背景\n第二段。",
        (para("第一段。"), Heading((Text("旧背景"),), level=4), para("第二段。")),
    ),
    "a heading in Latin": (
        "第一段。\nEarth Mover's Distance\n第二段。",
        (para("第一段。"), Heading((Text("Earth Mover's Distance"),), level=4), para("第二段。")),
    ),
    "a heading that ends the excerpt": (
        "第一段。\n更新汇总",
        (para("第一段。"), Heading((Text("更新汇总"),), level=4)),
    ),
    "the first line is no heading": ("短句\n第二段。", (para("短句"), para("第二段。"))),
    "a short sentence is no heading": (
        "第一段。\n是吗?\n第二段。",
        (para("第一段。"), para("是吗?"), para("第二段。")),
    ),
    "words before a formula are no heading": (
        "第一段。\n可以写成\n$$x$$",
        (para("第一段。"), para("可以写成"), DisplayFormula("x")),
    ),
    "a connective is no heading": (
        "第一段。\n其中\n$x$是输入。",
        (para("第一段。"), para("其中"), para(Formula("x"), "是输入。")),
    ),
    "a numbered list": (
        "更新如下:\n1、第一;\n2、第$n$;",
        (
            para("更新如下:"),
            Items((Item((Text("第一;"),), "1"), Item((Text("第"), Formula("n"), Text(";")), "2"))),
        ),
    ),
    "a single item after a colon": (
        "如下:\n1、第一;",
        (para("如下:"), Items((Item((Text("第一;"),), "1"),))),
    ),
    "a single number is no list": ("1、第一。\n后来。", (para("1、第一。"), para("后来。"))),
    "a decimal is no number of a list": ("1.5倍。\n2.5倍。", (para("1.5倍。"), para("2.5倍。"))),
    "bullets": ("• 甲\n• 乙", (Items((Item((Text("甲"),)), Item((Text("乙"),)))),)),
    "empty lines": ("甲。\n\n\n\n乙。\r\n丙。", (para("甲。"), para("乙。"), para("丙。"))),
    "nothing": (" \n\u200b\n ", ()),
}


@pytest.mark.parametrize(("excerpt", "body"), MATHS.values(), ids=MATHS)
def test_mathematics_is_found(excerpt: str, body: Body) -> None:
    assert excerpt_body(excerpt) == body


@pytest.mark.parametrize("text", MONEY)
def test_money_and_shells_stay_text(text: str) -> None:
    assert excerpt_body(text) == (para(text),)


@pytest.mark.parametrize(("excerpt", "body"), LINES.values(), ids=LINES)
def test_lines_become_blocks(excerpt: str, body: Body) -> None:
    assert excerpt_body(excerpt) == body


@needs_shared
def test_the_dumps_have_what_a_reader_sees_in_them() -> None:
    bodies = [excerpt_body(excerpt) for _, excerpt in shared_excerpts()]
    blocks = [block for body in bodies for block in body]
    headings = {block.children for block in blocks if isinstance(block, Heading)}
    for title in ("增量爆炸", "简单探针", "旧背景", "更新汇总", "模型", "Earth Mover's Distance", "统一视角"):
        assert (Text(title),) in headings
    assert len(headings) == 20
    assert [len(block.items) for block in blocks if isinstance(block, Items)] == [6]
    assert sum(isinstance(block, DisplayFormula) for block in blocks) == 7
    assert not any(isinstance(block, Preformatted) for block in blocks)


def source(body: Body) -> str:
    """Return all characters of a body that are neither delimiters nor labels."""
    return "".join("".join(map(repr, body)).split())


_WORDS = [
    "设",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\begin{align}",
    "\\end{align}",
    "\\label{a}",
    "\\eqref{a}",
]
_PIECES = st.sampled_from(
    [*_WORDS, "\\$", "\\\\", "x", " ", "\n", "1、", "5", "<b>", "&", "{", "}", "。", "\u202e"]
)


@examples(60)
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=40).map("".join)))
def test_any_text_is_read_and_its_words_are_kept(text: str) -> None:
    body = excerpt_body(text)
    shown = source(body)
    for character in set(clean(text)):
        if character.isalnum() and character not in "0123456789abeginlqrf":
            assert character in shown


@given(st.lists(st.sampled_from(["\\begin{align}", "$", "$$", "\\(", "\\["]), min_size=200, max_size=200))
@examples(10)
def test_many_openings_are_read(pieces: list[str]) -> None:
    assert excerpt_body("".join(pieces))


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
