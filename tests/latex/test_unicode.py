"""The Unicode form of a formula is unambiguous, or the source is shown."""

import pytest

from bot.latex.unicode import unicode_tex
from tests.latex.formulas import cases_of_shared, table
from tests.tools.shared import needs_shared


@pytest.mark.parametrize(("tex", "shown"), table("formulas_in_unicode.tsv"))
def test_formula_is_unambiguous_in_unicode(tex: str, shown: str) -> None:
    readable = unicode_tex(tex)
    assert ("code" if readable is None else readable.replace("\n", "⏎")) == shown


@needs_shared
def test_cases_are_rendered_as_they_say() -> None:
    for path, tex, right in cases_of_shared("uni"):
        shown = unicode_tex(tex) or "code"
        assert shown in right.split(" or ") or shown in right.split(", or ") or right.startswith(shown), path


def test_error_in_one_formula_is_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_tex: str) -> None:
        raise RecursionError

    monkeypatch.setattr("bot.latex.parser.parse", fail)
    assert unicode_tex("an unseen formula") is None
