"""Report on the formula engines: acceptance before and after rewriting, and changes of the MathML."""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Final

from bot.latex.telegram_subset import safe_tex
from tests.quality_engines.corpus import corpus
from tests.quality_engines.engines import ENGINES, Verdict, judge, missing, versions
from tests.quality_engines.mathml import normal_form

# Sources whose MathML changes on purpose, because one engine lacks the construct.
EXPLAINED: Final = {
    "a tag is written behind the formula": r"\\tag",
    "an extensible arrow has a fixed length": r"\\x[A-Za-z]+(?<!xrightarrow)(?<!xleftarrow)[\[{]",
    "a fraction without a line is a stack": r"\\atop|\\brace(?![A-Za-z])|\\brack|\\genfrac",
    "a sign of several characters is written in them": (
        r"\\(?:Colon|colon|eqq?colon|equalscolon|coloneq|dblcolon|ratio|ordinarycolon|llbracket|rrbracket)"
    ),
    "a macro that one engine lacks is written with the nearest sign": (
        r"\\(?:pmb|dash(?:left|right)arrow|overrightharpoon|degree|iiiint|prescript|ce|emph"
        r"|textsc|textup|textsl|textmd|bold|mapsfrom|iddots|sideset|not)(?![a-z])"
    ),
    "a capital of Greek that is a Latin letter": (
        r"\\(?:Alpha|Beta|Epsilon|Zeta|Eta|Iota|Kappa|Mu|Nu|Omicron|Rho|Tau|Chi)"
    ),
    "rows outside an environment get one": r"\\newline|\\cr(?![A-Za-z])|^(?!.*\\begin).*(?:\\\\|&)",
    "accents of words are dropped": r"""\\["'`^~=.]""",
    "an optional position of an environment, or column padding, is dropped": (
        r"\\begin\{(?:aligned|gathered|array)\}\[[tbc]\]|@\{"
    ),
    "multline and eqnarray are aligned in two columns at most": r"\\begin\{(?:multlined?|eqnarray)\*?\}",
    "an angle bracket is a delimiter": r"\\(?:left|right|middle|[bB]igg?[lmr]?)\s*[<>]",
    "the sign @ is full-width, because JLaTeXMath has no other": r"@(?!\{)",
    "scripts after an alphabet with scripts inside are grouped": r"\\boldsymbol\{[^{}]*_[^{}]*\}_",
    "an empty degree is no degree": r"\\sqrt\[\s*\]",
    "an entity is a character": r"&[a-z#0-9]+;",
    "a Unicode sign becomes its macro": r"[^\x00-\x7f]|\\unicode",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of the corpus: sources, what was sent, and the verdicts before and after rewriting."""

    sources: tuple[str, ...]
    written: tuple[str | None, ...]
    before: dict[str, list[Verdict]]
    after: dict[str, list[Verdict]]

    def all_draw(self, index: int) -> bool:
        """Return whether every engine draws the source itself."""
        return all(self.before[engine][index].drawing is not None for engine in ENGINES)


def compared() -> Comparison:
    """Run the corpus through the engines, as written in it and as rewritten."""
    sources = corpus()
    written = tuple(safe_tex(tex) for tex in sources)
    # The unchanged place keeps the verdicts of both runs in one order.
    after = judge([tex if tex is not None else "" for tex in written])
    return Comparison(sources, written, judge(sources), after)


def refused(comparison: Comparison) -> list[str]:
    """Return every rewritten formula that some engine refuses, with the errors."""
    found = []
    for index, written in enumerate(comparison.written):
        errors = {engine: comparison.after[engine][index] for engine in ENGINES}
        errors = {engine: verdict for engine, verdict in errors.items() if verdict.drawing is None}
        if written is not None and errors:
            reasons = "; ".join(f"{engine}: {verdict.error[:80]}" for engine, verdict in errors.items())
            found.append(f"{comparison.sources[index]!r} => {written!r}: {reasons}")
    return found


def changed(comparison: Comparison) -> tuple[Counter[str], list[str]]:
    """Return the explained changes of the MathML by reason, and every other one."""
    explained: Counter[str] = Counter()
    silent = []
    for index, written in enumerate(comparison.written):
        engines = [engine for engine in ENGINES[1:] if _differs(comparison, engine, index)]
        if written is None or not engines:
            continue
        tex = comparison.sources[index]
        reason = next(
            (each for each, pattern in EXPLAINED.items() if re.search(pattern, tex, re.DOTALL)), None
        )
        if reason is None:
            silent.append(f"{tex!r} => {written!r} ({', '.join(engines)})")
        else:
            explained[reason] += 1
    return explained, silent


def _differs(comparison: Comparison, engine: str, index: int) -> bool:
    before, after = comparison.before[engine][index].drawing, comparison.after[engine][index].drawing
    return bool(before and after) and normal_form(before or "") != normal_form(after or "")


def table(comparison: Comparison) -> str:
    """Return the table of BENCHMARKS.md."""
    total = len(comparison.sources)
    sent = [index for index, tex in enumerate(comparison.written) if tex is not None]
    drawn = [index for index in range(total) if comparison.all_draw(index)]
    given_up = [index for index in drawn if comparison.written[index] is None]
    explained, silent = changed(comparison)
    known = versions()
    lines = ["| engine | version | accepted as written | accepted as sent |", "| --- | --- | --- | --- |"]
    for engine in ENGINES:
        before = sum(verdict.drawing is not None for verdict in comparison.before[engine])
        after = sum(comparison.after[engine][index].drawing is not None for index in sent)
        lines.append(f"| {engine} | {known[engine]} | {before} of {total} | {after} of {len(sent)} |")
    same = [index for index in drawn if comparison.written[index] is not None]
    pixels = sum(
        comparison.before["JLaTeXMath"][index] == comparison.after["JLaTeXMath"][index] for index in same
    )
    lines += [
        "",
        f"- Given up though all four draw it: {len(given_up)} of {len(drawn)}.",
        f"- MathML changed for a reason listed in `tests/quality_engines/report.py`: {explained.total()}.",
        f"- MathML changed for no such reason: {len(silent)}.",
        f"- Drawn by JLaTeXMath to the pixel as the source is: {pixels} of {len(same)}.",
    ]
    return "\n".join(lines)


def section() -> str:
    """Return the section of `make quality`: the table and every miss."""
    if (reason := missing()) is not None:
        return f"# Formula engines\n{reason}"
    comparison = compared()
    explained, silent = changed(comparison)
    given_up = [
        repr(tex)
        for index, tex in enumerate(comparison.sources)
        if comparison.written[index] is None and comparison.all_draw(index)
    ]
    misses = {"refused": refused(comparison), "changed": silent, "given up": given_up}
    listed = [f"{kind}: {miss}" for kind, found in misses.items() for miss in found]
    reasons = [f"{count} x {reason}" for reason, count in explained.most_common()]
    return "\n".join(["# Formula engines", table(comparison), "", *reasons, *listed])


if __name__ == "__main__":
    sys.stdout.write(section() + "\n")
