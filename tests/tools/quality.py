"""The report on how well posts are understood: `python -m tests.tools.quality`."""

import sys
from collections.abc import Callable

from tests.quality_engines import report as engines_report
from tests.tools import formula_speed, formulas_report, quality_search, quality_tags
from tests.tools.quality_captures import captures_section
from tests.tools.quality_titles import titles_section
from tests.tools.shared import SHARED


def tags_section() -> str:
    return f"# Inferred tags\n{quality_tags.report() if SHARED.exists() else 'the real tags are not here'}"


def search_section() -> str:
    return f"# Search\n{quality_search.report() if SHARED.exists() else 'the real titles are absent'}"


def formulas_section() -> str:
    return "\n".join(["# Formulas", *formulas_report.lines(), *formula_speed.lines()])


SECTIONS: tuple[Callable[[], str], ...] = (
    titles_section,
    tags_section,
    search_section,
    formulas_section,
    engines_report.section,
    captures_section,
)


def main() -> None:
    for section in SECTIONS:
        sys.stdout.write(section() + "\n\n")


if __name__ == "__main__":
    main()
