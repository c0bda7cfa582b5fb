"""Profile checker: macros and environments that fail in some client's engine."""

import re
from collections.abc import Iterator

# Rejected by JLaTeXMath (Android and Desktop use ports of it) or by Temml (web clients).
_FAILING = r"""
label tag ref eqref nonumber notag bm pmb mathbbm mathds cancel color ce require unicode href def renewcommand
newcommand DeclareMathOperator norm abs argmin argmax tr coloneqq xlongequal xLeftarrow emph lvert rvert lang
dashrightarrow dashleftarrow operatornamewithlimits textnormal rang
allowbreak ensuremath mod bmod intertext mbox hbox over choose boxed
textcolor cal bf rm it tiny verb footnote includegraphics input write url
"""
_ENVIRONMENTS = """
aligned gathered matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix array smallmatrix
"""
FAILING = frozenset(_FAILING.split())
ENVIRONMENTS = frozenset(_ENVIRONMENTS.split())
_BARE_SIZE = re.compile(r"\\[bB]igg?[lmr]?(?![A-Za-z])(?!\s*\{?(?:\\[A-Za-z{}|]|[()\[\]|/.]))")
_MACRO = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([^{}]*)\}")


def violations(tex: str) -> Iterator[str]:
    """Yield every violation of the profile in `tex`."""
    names = _MACRO.findall(tex)
    yield from (f"\\{name}" for name in names if name.rstrip("*") in FAILING)
    if len(tex) > 1000:
        yield "too long"
    open_environments: list[str] = []
    for edge, name in _ENVIRONMENT.findall(tex.replace("\\\\", " ")):
        if name not in ENVIRONMENTS:
            yield f"environment {name}"
        if edge == "begin":
            open_environments.append(name)
        elif not open_environments or open_environments.pop() != name:
            yield f"environment {name} is not open"
    if open_environments:
        yield "an open environment"
    if not _is_balanced(tex):
        yield "braces"
    if names.count("left") != names.count("right"):
        yield "fences"
    if _BARE_SIZE.search(tex.replace("\\\\", " ")):
        yield "a size without a delimiter"
    if "%" in _MACRO.sub("", tex) or "$" in _MACRO.sub("", tex) or "#" in _MACRO.sub("", tex):
        yield "a sign with a meaning of its own"


def _is_balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"[{}]", _MACRO.sub("", tex)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    return depth == 0
