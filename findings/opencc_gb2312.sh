#!/usr/bin/env bash
# OpenCC 1.4.2, t2s: text in GB2312, the character set of simplified Chinese, is not left as it is. 16 of its 6,763
# characters are taken for traditional ones and replaced, among them 乾 (of 乾坤), 後, 於
# (a surname), 夥, 徵 and 摺. So "decodes as GB2312" does not mean "is already simplified", and a normal form made
# with t2s has to be applied to both sides. 著 stays, although 著 for 着 is the traditional spelling.
# Seen: "6763 characters, 16 changed".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencc==1.4.2
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version

from opencc import OpenCC

print("opencc", version("opencc"))
simplified = OpenCC("t2s")
characters = []
for high in range(0xB0, 0xF8):
    for low in range(0xA1, 0xFF):
        try:
            characters.append(bytes([high, low]).decode("gb2312"))
        except UnicodeDecodeError:
            continue
changed = {character: new for character in characters if (new := simplified.convert(character)) != character}
print(f"{len(characters)} characters, {len(changed)} changed")
print(" ".join(f"{old}→{new}" for old, new in changed.items()))
sys.exit(len(characters) != 6763 or len(changed) != 16 or not {"乾", "後", "於"} <= set(changed) or "著" in changed)
PROGRAM
