#!/usr/bin/env bash
# latex2mathml 3.81.1 converts the environment `aligned` into markup that is not well-formed XML, without an
# error: each `&` is written as it is, as an identifier, and the rows are not a table. `align*` with the same
# content becomes a table of well-formed rows, and `split`, which has the same syntax, too. `gathered` becomes
# one line with a break instead of a table.
# Seen: "aligned: not well-formed, 0 rows", "align*: well-formed, 2 rows", "split: well-formed, 2 rows",
# "gathered: well-formed, 0 rows".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check latex2mathml==3.81.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version
from xml.etree import ElementTree

from latex2mathml.converter import convert

print("latex2mathml", version("latex2mathml"))
seen = []
for name in ("aligned", "align*", "split", "gathered"):
    markup = convert(rf"\begin{{{name}}}a&=b\\&=c\end{{{name}}}" if name != "gathered" else r"\begin{gathered}a\\b\end{gathered}")
    try:
        ElementTree.fromstring(markup)
        form = "well-formed"
    except ElementTree.ParseError:
        form = "not well-formed"
    seen.append((name, form, markup.count("<mtr")))
    print(f"{name}: {form}, {markup.count('<mtr')} rows")
expected = [("aligned", "not well-formed", 0), ("align*", "well-formed", 2), ("split", "well-formed", 2), ("gathered", "well-formed", 0)]
sys.exit(seen != expected)
PROGRAM
