"""The demo's console as an animated SVG: `python -m tests.tools.console_svg`, into `pictures/`.

Each command is typed, then its answer appears and the screen scrolls; CSS keyframes, no script.
"""

import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPED = "/series 扩散\n/search 编码\nquit\n"
COLUMNS, ROWS = 88, 24  # of the screen
LINE, CELL, EDGE = 20, 8.4, 16  # px
TYPING, READING = 1.2, 3.2  # seconds per command and per answer
CALM = 4.0  # seconds before it begins again
VARYING = ((r"\d\d:\d\d:\d\d ─+", "20:30:00 " + "─" * 60), (r"127\.0\.0\.1:\d+", "127.0.0.1:8000"))
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:g} {h:g}" role="img">
<title>kexue-bot demo</title>
<style>
svg{{background:#1d1f27;border-radius:8px}}
text{{font:14px ui-monospace,Menlo,Consolas,"Noto Sans Mono CJK SC",monospace}}
text{{fill:#d6d9e0;white-space:pre}}
.p{{fill:#fff;font-weight:bold}}.b{{fill:#6cc7d9}}.d{{fill:#8b90a0}}.t{{fill:#e3c078}}
g{{animation:{seconds:g}s infinite}}.y{{animation-timing-function:steps(12)}}
.s{{animation-timing-function:step-end}}
{keyframes}
@media(prefers-reduced-motion:reduce){{*{{animation:none!important}}#s{{transform:translateY({last:g}px)}}}}
</style>
"""


def transcript() -> str:
    """Return what the demo prints for TYPED."""
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--language", "zh"],
        input=TYPED, capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
    )  # fmt: skip
    shown = ran.stdout.strip()
    for varying, fixed in VARYING:
        shown = re.sub(varying, fixed, shown)
    return shown


def width(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def wrapped(line: str) -> Iterator[str]:
    """Break a line where the screen ends, not within a Latin word."""
    row, used = "", 0
    for piece in re.findall(r"[!-~]+|.", line):
        wide = sum(map(width, piece))
        if used + wide > COLUMNS:
            yield row
            row, used = "", 0
        row, used = row + piece, used + wide
    yield row


def style(line: str) -> str:
    match line[:1]:
        case "›":
            return "p"
        case "[":
            return "b"
        case "▎" | "…":
            return "d"
        case "#" | "≈":
            return "t"
        case _:
            return "d" if "───" in line else ""


def blocks(shown: str) -> list[list[str]]:
    """Return the lines that appear together: a typed command, or what follows it."""
    found: list[list[str]] = [[]]
    for line in shown.splitlines():
        if line.startswith(("› ", "…")):
            found += [[line], []]
        else:
            found[-1].extend(wrapped(line))
    return [block for block in found if block]


def animated(parts: Sequence[Sequence[str]]) -> str:
    """Return the SVG in which `parts` appear one after the other."""
    times = [0.0]
    for part in parts:
        times.append(times[-1] + (TYPING if part[0].startswith("› ") else READING))
    seconds = times[-1] + CALM
    keyframes, body, scroll, row = [], [], [], 0
    for number, (part, begin) in enumerate(zip(parts, times, strict=False)):
        at = 100 * begin / seconds
        texts = []
        for line in part:
            row += 1
            if line:
                kind = f' class="{style(line)}"' if style(line) else ""
                texts.append(f'<text x="{EDGE}" y="{row * LINE}"{kind}>{escape(line)}</text>')
        typed = part[0].startswith("› ")
        name = f"k{number}"
        if typed:
            end = 100 * (begin + TYPING * 0.8) / seconds
            hidden, shown = "clip-path:inset(0 100% 0 0)", "clip-path:inset(0)"
            keyframes.append(f"@keyframes {name}{{0%,{at:.2f}%{{{hidden}}}{end:.2f}%,100%{{{shown}}}}}")
        elif begin:
            keyframes.append(f"@keyframes {name}{{0%{{opacity:0}}{at:.2f}%,100%{{opacity:1}}}}")
        shown_as = f' class="{"y" if typed else "s"}" style="animation-name:{name}"' if begin else ""
        body.append(f"<g{shown_as}>{''.join(texts)}</g>")
        scroll.append(f"{at:.2f}%{{transform:translateY({_shift(row):g}px)}}")
    keyframes.append(f"@keyframes scroll{{{''.join(scroll)}100%{{transform:translateY({_shift(row):g}px)}}}}")
    head = HEAD.format(
        w=2 * EDGE + COLUMNS * CELL, h=ROWS * LINE + EDGE, seconds=seconds,
        keyframes="\n".join(keyframes), last=_shift(row),
    )  # fmt: skip
    return f'{head}<g id="s" class="s" style="animation-name:scroll">{"".join(body)}</g>\n</svg>\n'


def _shift(row: int) -> float:
    return float(min(0, (ROWS - row) * LINE))


if __name__ == "__main__":
    (ROOT / "pictures" / "console.svg").write_text(animated(blocks(transcript())), encoding="utf-8")
