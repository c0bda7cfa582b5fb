"""Corpus of the formula engines: tables, dumps, hand-written formulas, and every macro in its contexts."""

from collections.abc import Iterator
from pathlib import Path

from bot.latex import macros
from tests.latex.formulas import hard_formulas, shared_formulas, table
from tests.tools.shared import SHARED

_WRITTEN = Path(__file__).with_name("corpus.txt")


def corpus() -> tuple[str, ...]:
    """Return all formulas of the corpus, each once."""
    return tuple(dict.fromkeys([*_collected(), *_written(), *_symbols(), *_constructs(), *_fences()]))


def _collected() -> Iterator[str]:
    yield from (tex for tex, _, _ in hard_formulas())
    for name in ("formulas_rewritten.tsv", "formulas_in_unicode.tsv"):
        yield from (tex for tex, _ in table(name))
    if SHARED.exists():
        yield from shared_formulas()


def _written() -> Iterator[str]:
    for line in _WRITTEN.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("##"):
            yield line.replace("⏎", "\n")


def _symbols() -> Iterator[str]:
    for name in macros.SIMPLE:
        yield rf"a\{name} b" if name.isalpha() else rf"a\{name}b"
    for name in (*macros.BIG_OPERATORS, *macros.FUNCTIONS):
        yield rf"\{name}_{{i=1}}^{{n}} x_i"
        yield rf"\{name}\limits_{{i}} x + \{name}\nolimits_i y"
    for name in (*macros.RELATIONS, *"=<>"):
        yield rf"a\not\{name} b" if len(name) > 1 else rf"a\not{name}b"


def _constructs() -> Iterator[str]:
    for name in macros.ACCENTS:
        yield from (rf"\{name}{{x}}+\{name} y", rf"\{name}{{AB}}_{{i}}^2", rf"x_{{\{name}{{\alpha}}}}")
    for name in macros.ALPHABETS:
        yield from (rf"\{name}{{A}}+\{name} B", rf"\{name}{{Ab1}}_{{i}}", rf"\{name}{{\alpha x}}")
    for name in macros.CLASSES:
        yield rf"a\{name}{{x}}b"
    for name in (*macros.WORDS, *macros.WRAPPERS):
        yield rf"a\{name}{{x}}{{y}}"
    for name in (*macros.ALIASES, *macros.EXPANSIONS, *macros.DROPPED):
        yield rf"a\{name} b" if name.isalpha() else rf"a\{name}b"
    for name in macros.STRETCHED:
        yield from (rf"a\{name}{{f}}b", rf"a\{name}[g]{{f}}b", rf"a\{name}{{}}b")
    for name in macros.SWITCHES:
        yield rf"{{\{name} x}}+y"


def _fences() -> Iterator[str]:
    for name in (*macros.DELIMITERS, *"()[]|"):
        fence = name if len(name) == 1 and name not in "{}" else f"\\{name}"
        yield rf"\left{fence} \frac{{a}}{{b}} \right{fence}"
        yield rf"\big{fence} x \Big{fence} \bigg{fence} y \Bigg{fence}"
    for name in macros.ENVIRONMENTS:
        argument = {"array": "{cc}", "alignat": "{1}", "alignedat": "{1}", "subarray": "{c}"}.get(name, "")
        yield rf"\begin{{{name}}}{argument}a&b\\c&d\end{{{name}}}"
        yield rf"\begin{{{name}}}{argument}[A,B]=c\end{{{name}}}"
