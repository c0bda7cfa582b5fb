"""Processor time of the formula pipeline: rewriting, Unicode and the parser of excerpts."""

import time
from collections.abc import Callable
from typing import Final

from bot.latex.parser import parse
from bot.latex.telegram_subset import safe_tex
from bot.latex.unicode import unicode_tex
from bot.render.excerpt import excerpt_body
from tests.latex.formulas import hard_formulas

FORMULAS: Final = 500
LINES: Final = 10_000
ROUNDS: Final = 3


def lines() -> list[str]:
    """Return a line for each measurement, the best of ROUNDS in seconds."""
    sources = [tex for tex, _, _ in hard_formulas()]
    formulas = [sources[index % len(sources)] + " " * (index // len(sources)) for index in range(FORMULAS)]
    excerpts = {
        "prose": "\n".join(f"第{index}行没有公式，只有文字。" for index in range(LINES)),
        "one formula a line": "\n".join(f"设$x_{{{index}}}=1$为第{index}项。" for index in range(LINES)),
        "three formulas a line": "\n".join(
            f"设$x_{{{index}}}$为第$i$项，则$a+b={index}$成立。" for index in range(LINES)
        ),
        "display formulas": "\n".join(rf"$$x_{{{index}}}\label{{{index}}}$$" for index in range(LINES)),
        "one definition a line": "\n".join(
            rf"定义$\newcommand{{\a}}{{{index}}}$为第{index}个。" for index in range(LINES)
        ),
        "Chinese in formulas": "\n".join(
            rf"$x_{{\text{{第{index}}}}}=长度$与$总数={index}$" for index in range(LINES)
        ),
        "money": "\n".join(f"花了${index}元。" for index in range(LINES)),
    }
    found = [f"{FORMULAS} formulas, both forms: {_best(lambda: _both_forms(formulas)):.3f} s"]
    found += [
        f"excerpt of {LINES} lines, {kind}: {_best(lambda text=text: excerpt_body(text)):.3f} s"  # type: ignore[misc]
        for kind, text in excerpts.items()
    ]
    return found


def _both_forms(formulas: list[str]) -> None:
    for cache in (parse, safe_tex, unicode_tex):
        cache.cache_clear()
    for tex in formulas:
        safe_tex(tex)
        unicode_tex(tex)


def _best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201
