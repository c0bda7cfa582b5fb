"""The report on how well posts are understood: `python -m tests.quality`."""

import sys
from collections.abc import Callable

from tests.quality_titles import titles_section

SECTIONS: tuple[Callable[[], str], ...] = (titles_section,)


def main() -> None:
    for section in SECTIONS:
        sys.stdout.write(section() + "\n\n")


if __name__ == "__main__":
    main()
