#!/usr/bin/env bash
# htmldate 1.11.0 on a post of a Chinese blog whose date stands in its text:
# - 2025年10月8日 is not read where no space is between the parts, the usual spelling; the date of the newest comment
#   in the side column is returned in its place. With spaces, 2025 年 10 月 8 日, the post's date is found.
# - An eight-digit number of readers beside the post's date is taken for the date where it looks like one:
#   "2025-10-08 | 20251111位读者" gives 2025-11-11, although the date with hyphens is on the same line before it.
# Neither is marked as uncertain: both are plain strings like a date that was read from metadata.
# Seen: "2025-10-08 | 1234位读者 -> 2025-10-08", "2025 年 10 月 8 日 -> 2025-10-08", "2025年10月8日 -> 2026-11-01",
# "2025-10-08 | 20251111位读者 -> 2025-11-11".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check htmldate==1.11.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version
from htmldate import find_date
print("htmldate", version("htmldate"))
page = """<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>示例漫谈</title></head><body>
<div class="Post"><h1>示例漫谈</h1><div class="submitted">{line}</div>
<div class="PostContent"><p>这是一段为测试而写的正文,说明一个公式的含义和它的来历。</p></div></div>
<div id="side"><h3>最近评论</h3><ul><li>2026-11-01 好文</li></ul></div></body></html>"""
expected = {
    "2025-10-08 | 1234位读者": "2025-10-08",
    "2025 年 10 月 8 日": "2025-10-08",
    "发布于 2025年10月8日": "2026-11-01",
    "2025-10-08 | 20251111位读者": "2025-11-11",
}
found = {line: find_date(page.format(line=line), max_date="2026-12-31") for line in expected}
for line, date in found.items():
    print(line, "->", date)
sys.exit(0 if found == expected else 1)
PROGRAM
