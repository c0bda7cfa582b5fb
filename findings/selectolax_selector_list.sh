#!/usr/bin/env bash
# selectolax 1.0.2 (lexbor) returns an element once for each selector of a list that matches it, where a browser's
# querySelectorAll returns it once: css("article h1, h1") gives a page's only heading twice, so that counting
# matches ("exactly one title") fails, and texts that are joined from matches repeat.
# Seen: "article h1, h1 -> 2, time[datetime], time -> 2, h1 -> 1".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check selectolax==1.0.2
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from selectolax.lexbor import LexborHTMLParser

page = LexborHTMLParser(
    '<article><h1>A title</h1><time datetime="2026-05-04">May 4</time></article>'
)
expected = {"article h1, h1": 2, "time[datetime], time": 2, "h1": 1}
found = {selectors: len(page.css(selectors)) for selectors in expected}
print(", ".join(f"{selectors} -> {count}" for selectors, count in found.items()))
same = len({node.mem_id for node in page.css("article h1, h1")}) == 1
sys.exit(found != expected or not same)
PROGRAM
