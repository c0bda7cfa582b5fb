#!/usr/bin/env bash
# pylatexenc 2.11, latex2text: of macros that TeX users take for equal one is converted and the other disappears,
# without an error and without a placeholder: \neq becomes ≠ but \ne nothing, so `a \ne b` is shown as `a  b`.
# The same with \gets beside \leftarrow, \land and \lor beside \wedge and \vee, \neg beside \lnot, and \iff beside
# \Leftrightarrow. Names of functions are no exception: \exp and \log stay, \det and \Pr are gone. A caller cannot
# tell a dropped sign from a space, so text from LaTeX has to be checked macro by macro.
# Seen: "12 pairs: 12 converted, their 12 twins dropped".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pylatexenc==2.11
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version
from pylatexenc.latex2text import LatexNodes2Text
print("pylatexenc", version("pylatexenc"))
twins = {
    r"\neq": r"\ne", r"\leftarrow": r"\gets", r"\wedge": r"\land", r"\vee": r"\lor", r"\lnot": r"\neg",
    r"\Leftrightarrow": r"\iff", r"\Rightarrow": r"\implies", r"\perp": r"\bot", r"\Vert": r"\|",
    r"\exp": r"\det", r"\log": r"\Pr", r"\vdash": r"\models",
}
def kept(macro):
    text = LatexNodes2Text().latex_to_text(f"$a {macro} b$")
    return text.replace(" ", "") != "ab"
converted = [macro for macro in twins if kept(macro)]
dropped = [macro for macro in twins.values() if not kept(macro)]
print(f"{len(twins)} pairs: {len(converted)} converted, their {len(dropped)} twins dropped")
for macro, twin in twins.items():
    print(macro, "kept" if kept(macro) else "dropped", "/", twin, "kept" if kept(twin) else "dropped")
sys.exit(0 if len(converted) == len(dropped) == len(twins) else 1)
PROGRAM
