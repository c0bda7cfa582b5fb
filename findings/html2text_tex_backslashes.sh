#!/usr/bin/env bash
# html2text 2025.4.15 does not escape TeX as Markdown does: a backslash is doubled only where a sign that Markdown
# could take for an escape follows it, and that sign is not looked at. So within one formula \{ becomes \\{ and \!
# becomes \\!, \, and \alpha stay, and the row separator \\ gets three backslashes, before [2pt] even four. A
# Markdown reader does not give the formula back (\\\ before a space is one backslash and one more), and a reader of
# plain text sees an odd number of backslashes, which is another formula.
# Seen: "\{a\} -> \\{a\\}", "\, -> \,", "a\\ b -> a\\\ b", "a\\[2pt] b -> a\\\\[2pt] b".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check html2text==2025.4.15
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version
from html2text import HTML2Text
print("html2text", version("html2text"))
expected = {
    r"\{a\}": r"\\{a\\}",
    r"x\!y": r"x\\!y",
    r"x\,y": r"x\,y",
    r"\alpha": r"\alpha",
    r"a\\ b": r"a\\\ b",
    r"a\\[2pt] b": r"a\\\\[2pt] b",
}
converter = HTML2Text(bodywidth=0)
found = {tex: converter.handle(f"<p>${tex}$</p>").strip().strip("$") for tex in expected}
for tex, text in found.items():
    print(tex, "->", text)
sys.exit(0 if found == expected else 1)
PROGRAM
