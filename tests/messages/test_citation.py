"""The blog's own citation and BibTeX, and what becomes of them without an id, a year or enough room."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.citation import LIMIT, bibtex, citation, citation_key
from bot.site_profile import KEXUE
from bot.titles import flatten, title_key
from storage.model import Certainty, Post, PostId

POST = Post(
    id=PostId(1),
    title="相对位置编码Transformer的一个理论缺陷与对策",
    title_key="相对位置编码Transformer的一个理论缺陷与对策",
    date=date(2022, 6, 7),
    month_day=None,
    date_certainty=Certainty.GIVEN,
    readers=94991,
    readers_at=None,
    comments=None,
    category=None,
    tags=None,
    inferred_tags=(),
    excerpt="",
    series=None,
    series_key=None,
    episode=None,
    style=None,
    archive_id=9105,
    first_seen_at=datetime(2026, 11, 22, tzinfo=UTC),
)


def titled(title: str, **changes: object) -> Post:
    return replace(POST, title=title, title_key=title_key(title), **changes)  # type: ignore[arg-type]


def test_the_blogs_own_line() -> None:
    assert citation(POST) == (
        "苏剑林. (Jun. 07, 2022). 《相对位置编码Transformer的一个理论缺陷与对策 》[Blog post]. "
        "Retrieved from https://kexue.fm/archives/9105"
    )


def test_the_blogs_own_bibtex() -> None:
    assert bibtex(POST, replace(KEXUE, home="https://spaces.ac.cn")) == (
        "@online{kexuefm-9105,\n"
        "  title={相对位置编码Transformer的一个理论缺陷与对策},\n"
        "  author={苏剑林},\n"
        "  year={2022},\n"
        "  month={Jun},\n"
        "  url={\\url{https://spaces.ac.cn/archives/9105}},\n"
        "}"
    )


def test_without_an_archive_id_no_address_is_made_up_and_the_key_says_so() -> None:
    post = replace(POST, archive_id=None)

    assert citation(post) == (
        "苏剑林. (Jun. 07, 2022). 《相对位置编码Transformer的一个理论缺陷与对策 》[Blog post]. "
        "科学空间|Scientific Spaces."
    )
    assert bibtex(post).startswith("@online{kexuefm-20220607-transformer,\n")
    assert "note={键由日期与标题拟定}" in bibtex(post)
    assert "url" not in bibtex(post)


def test_a_guessed_year_is_shown_as_such() -> None:
    post = replace(POST, date_certainty=Certainty.GUESSED)

    assert "(Jun. 07, 2022?)" in citation(post)
    assert "note={年份为推测}" in bibtex(post)
    assert "note" not in bibtex(replace(POST, date_certainty=Certainty.INFERRED))


def test_without_a_date() -> None:
    post = replace(POST, date=None, archive_id=None)

    assert "(n.d.)" in citation(post)
    assert "year" not in bibtex(post)
    assert bibtex(post).startswith("@online{kexuefm-transformer,\n")


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Transformer升级之路：13、逆用Leaky ReRoPE", "kexuefm-20220607-transformer-13-leakyrero"),
        ("我害怕", "kexuefm-20220607-f6941608"),
        ("400年前的今天", "kexuefm-20220607-f89adee1"),
    ],
)
def test_a_key_without_an_id_is_made_of_day_and_title(title: str, key: str) -> None:
    assert citation_key(titled(title, archive_id=None)) == key
    assert citation_key(titled(flatten(title), archive_id=None)) == key


def test_posts_of_one_day_have_different_keys() -> None:
    keys = {
        citation_key(titled(title, archive_id=None))
        for title in ("我害怕", "你害怕", "Keras", "400年", "500年")
    }

    assert len(keys) == 5


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("端午&高考乱弹", r"端午\&高考乱弹"),
        ("46%正确率与C#", r"46\%正确率与C\#"),
        ("GPT2_ML", r"GPT2\_ML"),
        ("关于$x_t$与y_t", r"关于$x_t$与y\_t"),
        ("一个$多余", r"一个\$多余"),
        ("缺了}一半", "缺了一半"),
        ("反了}{", "反了"),
        ("{成对}", "{成对}"),
    ],
)
def test_bibtex_survives_the_signs_of_tex(title: str, written: str) -> None:
    assert f"title={{{written}}}," in bibtex(titled(title))


def test_a_title_that_is_too_long_is_cut_and_nothing_else_is() -> None:
    post = titled("长" * 400)

    assert citation(post).endswith("长… 》[Blog post]. Retrieved from https://kexue.fm/archives/9105")
    assert "长…},\n  author={苏剑林},\n" in bibtex(post)
    assert len(citation(post)) == LIMIT
    assert len(bibtex(post)) == LIMIT


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)
    | st.text(alphabet="{}$&\\_#长😀", max_size=400),
    st.none() | st.integers(1, 99999),
    st.none() | st.dates(min_value=date(2009, 1, 1)),
    st.sampled_from(Certainty),
)
def test_whatever_the_title_it_fits_a_button_and_its_braces_are_in_pairs(
    title: str, archive_id: int | None, day: date | None, certainty: Certainty
) -> None:
    post = titled(title, archive_id=archive_id, date=day, date_certainty=certainty)
    entry = bibtex(post)

    for text in (citation(post), entry):
        assert 0 < len(text.encode("utf-16-le")) // 2 <= LIMIT
    assert entry.count("{") == entry.count("}")
