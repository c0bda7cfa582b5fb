"""`python -m tests.torture.fuzz TARGET [options of atheris]`: led by coverage, for as long as wanted.

atheris is not a locked package; install it into a separate environment together with those. Without a target
the names are printed. `-max_total_time=60` ends after a minute.
"""

import importlib
import sys
import tempfile
from pathlib import Path

PARSERS = ("bot", "feedparser", "pylatexenc", "tomllib", "urllib", "selectolax", "telegram", "apscheduler")


def main(words: list[str]) -> int:
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed here\n")
        return 3
    with atheris.instrument_imports(include=list(PARSERS)):
        targets = importlib.import_module("tests.torture.fuzz_targets").TARGETS
        seeds = importlib.import_module("tests.torture.fuzz_seeds").SEEDS
    if len(words) < 2 or words[1] not in targets:
        sys.stderr.write(f"targets: {', '.join(targets)}\n")
        return 2
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds[words[1]]):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([words[0], corpus, *words[2:]], targets[words[1]])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
