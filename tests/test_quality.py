"""The report on understanding has every section and its figures."""

from tests.quality import formulas_section, tags_section
from tests.shared import needs_shared


@needs_shared
def test_it_tells_how_well_tags_are_inferred() -> None:
    assert "precision" in tags_section()


def test_it_tells_that_no_formula_leaves_the_profile() -> None:
    dumps, collection = formulas_section().splitlines()[1:]
    assert "0 unsafe" in dumps
    assert "0 unsafe" in collection
