#!/usr/bin/env bash
# resiliparse 2.0.1, extract_plain_text with main_content=True, drops every text node of one character. In English
# there are few; in Chinese a word of one character between two inline elements (设<b>…</b>的<a>…</a>为<i>…</i>)
# is common, so a sentence loses its verbs and conjunctions, and a paragraph made of such nodes is gone as a whole.
# Words of two characters stay, and without main_content nothing is lost.
# Seen: "设扩散模型的得分函数为正则项" becomes "扩散模型得分函数正则".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check resiliparse==2.0.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from importlib.metadata import version

from resiliparse.extract.html2text import extract_plain_text

print("resiliparse", version("resiliparse"))
filling = "<p>这是一段足够长的正文,用来让正文提取认为它是文章的主体,并且没有任何导航。</p>" * 5
cases = {
    "<p>设<b>扩散模型</b>的<a href='/a'>得分函数</a>为<i>正则</i>项</p>": ("扩散模型得分函数正则", "设扩散模型的得分函数为正则项"),
    "<p>我们<b>扩散模型</b>因为<i>正则</i>项目</p>": ("我们扩散模型因为正则项目",) * 2,
}
changed = False
for markup, expected in cases.items():
    page = f"<html><body><div><h1>T</h1>{markup}{filling}</div></body></html>"
    read = tuple(extract_plain_text(page, main_content=main).split("\n")[2] for main in (True, False))
    print(f"main content: {read[0]}\nwhole page:   {read[1]}")
    changed |= read != expected
sys.exit(changed)
PROGRAM
