#!/usr/bin/env bash
# OpenCC 1.4.2 converts 历程 (course, history) to 歷程 by itself, but to 曆程 behind 更新, in every configuration to
# traditional characters: the longest match from the left takes 新历 (new calendar) out of 更新|历程. A page title
# such as 更新历程 (changelog) becomes a word that does not exist; a reviewed list of words must go ahead.
# Seen with s2t, s2tw, s2twp and s2hk: "历程 -> 歷程, 更新历程 -> 更新曆程".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check OpenCC==1.4.2
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from opencc import OpenCC

expected = {"历程": "歷程", "更新历程": "更新曆程"}
changed = False
for name in ("s2t", "s2tw", "s2twp", "s2hk"):
    found = {word: OpenCC(name).convert(word) for word in expected}
    print(name, ", ".join(f"{word} -> {shown}" for word, shown in found.items()))
    changed |= found != expected
sys.exit(changed)
PROGRAM
