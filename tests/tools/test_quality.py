"""The report on understanding has every section and its figures."""

from tests.tools import quality_tags
from tests.tools.quality import formulas_section, search_section, tags_section
from tests.tools.shared import needs_shared


@needs_shared
def test_it_tells_how_well_tags_are_inferred_and_names_every_wrong_one() -> None:
    posts = quality_tags.rows()
    text = tags_section()
    assert "precision" in text
    for title, tag in quality_tags.cross_validate(posts, len(posts)).wrong:
        assert f"{tag:16} {title}" in text


def test_it_tells_that_no_formula_leaves_the_profile() -> None:
    dumps, collection = formulas_section().splitlines()[1:3]
    assert "0 unsafe" in dumps
    assert "0 unsafe" in collection


@needs_shared
def test_it_has_the_figures_of_the_search() -> None:
    text = search_section()
    assert "shared cases" in text
    assert "set aside" in text
    assert "MRR" in text
