"""Runners of the four formula engines: JLaTeXMath in Java; KaTeX, MathJax and Temml in Node."""

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.latex.definitions import is_defining

FOLDER = Path(__file__).parent
JARS = Path("/usr/share/java")
ENGINES = ("JLaTeXMath", "KaTeX", "MathJax", "Temml")
TIMEOUT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Verdict:
    """Answer of one engine: the drawing (a hash of its pixels, or MathML), or None with the error."""

    drawing: str | None
    error: str = ""


def missing() -> str | None:
    """Return what keeps the engines from running here; None if nothing does."""
    for program in ("java", "javac", "node"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not (JARS / "jlatexmath.jar").exists():
        return "libjlatexmath-java is not installed"
    if not (FOLDER / "node_modules").exists():
        return "the Node packages are not installed (npm ci in tests/quality_engines)"
    return None


def versions() -> dict[str, str]:
    """Return the version of each engine."""
    jar = next(iter(sorted(JARS.glob("jlatexmath-[0-9]*.jar"))), None)
    packages = {"KaTeX": "katex", "MathJax": "@mathjax/src", "Temml": "temml"}
    found = {
        engine: json.loads((FOLDER / "node_modules" / package / "package.json").read_text())["version"]
        for engine, package in packages.items()
    }
    return {"JLaTeXMath": jar.stem.removeprefix("jlatexmath-") if jar else "?", **found}


def judge(formulas: Sequence[str]) -> dict[str, list[Verdict]]:
    """Return the verdicts of all engines, in the order of `formulas`."""
    return {"JLaTeXMath": _jlatexmath(formulas), **_node(formulas)}


def _jlatexmath(formulas: Sequence[str]) -> list[Verdict]:
    with tempfile.TemporaryDirectory(prefix="jlatexmath-") as classes:
        jars = ":".join(str(path) for path in sorted(JARS.glob("jlatexmath*.jar")))
        source = FOLDER / "JLaTeXMathJudge.java"
        subprocess.run(["javac", "-nowarn", "-cp", jars, "-d", classes, str(source)], check=True)
        # A definition would hold for the later formulas of the process.
        drawn = [tex for tex in formulas if not is_defining(tex)]
        lines = "".join(base64.b64encode(tex.encode()).decode() + "\n" for tex in drawn)
        command = ["java", "-Djava.awt.headless=true", "-cp", f"{jars}:{classes}", "JLaTeXMathJudge"]
        answers = dict(zip(drawn, _run(command, lines).splitlines(), strict=True))
    verdicts = []
    for tex in formulas:
        kind, _, rest = answers.get(tex, "error a definition").partition(" ")
        verdicts.append(Verdict(rest) if kind == "ok" else Verdict(None, rest))
    return verdicts


def _node(formulas: Sequence[str]) -> dict[str, list[Verdict]]:
    answers = json.loads(_run(["node", str(FOLDER / "judge.mjs")], json.dumps(list(formulas))))
    names = {"KaTeX": "katex", "MathJax": "mathjax", "Temml": "temml"}
    return {
        engine: [Verdict(each.get("mathml"), each.get("error", "")) for each in answers[name]]
        for engine, name in names.items()
    }


def _run(command: list[str], text: str) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
    )
    return done.stdout
