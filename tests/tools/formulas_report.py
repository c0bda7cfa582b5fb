"""Report on the rewriting of all sample formulas: `python -m tests.tools.formulas_report`."""

import sys
from collections.abc import Iterable

from bot.latex.telegram_subset import safe_tex
from bot.latex.unicode import unicode_tex
from tests.latex.formulas import hard_formulas, shared_formulas
from tests.latex.profile import violations
from tests.tools.shared import SHARED


def report(name: str, formulas: Iterable[str]) -> tuple[str, int]:
    """A line of counts, and how many formulas leave the profile."""
    all_formulas = list(formulas)
    safe = [written for written in map(safe_tex, all_formulas) if written is not None]
    outside = [written for written in safe if any(violations(written))]
    readable = sum(unicode_tex(tex) is not None for tex in all_formulas)
    total = len(all_formulas)
    line = (
        f"{name}: {total} formulas; "
        f"rich: {len(safe)} drawn, {total - len(safe)} as code, {len(outside)} unsafe; "
        f"classic: {readable} in Unicode, {total - readable} as code"
    )
    return line, len(outside)


def counted() -> list[tuple[str, int]]:
    """The two collections, each with how many left the profile."""
    return [
        report("dumps", shared_formulas() if SHARED.exists() else ()),
        report("collection", (tex for tex, _, _ in hard_formulas())),
    ]


def lines() -> list[str]:
    """The report, a line for each collection."""
    return [line for line, _ in counted()]


def main() -> int:
    """Print the report; 1 if a formula left the profile."""
    found = counted()
    sys.stdout.write("".join(f"{line}\n" for line, _ in found))
    return int(any(outside for _, outside in found))


if __name__ == "__main__":
    raise SystemExit(main())
