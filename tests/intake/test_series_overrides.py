import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.intake.series_overrides import NO_OVERRIDES, OverridesError, read_overrides
from bot.titles import series_key, title_key


def test_titles_and_series_are_known_by_their_keys() -> None:
    overrides = read_overrides('[titles]\n"日食记 ！" = "日食（一）"\n[series]\n"MoE 环游记" = "MoE"\n')
    assert overrides.titles == {title_key("日食记!"): "日食（一）"}
    assert overrides.series == {series_key("moe环游记"): "MoE"}


def test_nothing_is_an_empty_text() -> None:
    assert read_overrides("") == NO_OVERRIDES
    assert read_overrides("# 尚无更正\n[titles]\n[series]\n") == NO_OVERRIDES


@pytest.mark.parametrize(
    ("name", "shown"),
    [("甲", "丙"), ("乙", "丙"), ("丁", "丁"), ("戊", ""), ("moe", "MoE"), ("“己”", "己")],
)
def test_names_are_followed_to_the_end(name: str, shown: str) -> None:
    overrides = read_overrides('[series]\n"甲" = "乙"\n"乙" = "丙"\n"戊" = ""\nmoe = "MoE"\n"己" = "己"\n')
    assert overrides.renamed(name) == shown


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[titles]\n"甲" = \n', 2, "this is not TOML"),
        ('[titles]\n"甲" = "乙"\n"丙" "丁"\n', 3, "this is not TOML"),
        ('[titles]\n"甲" = "乙"\n"甲" = "丙"\n', 3, "this is not TOML"),
        ('[titles]\n"甲" = "乙', 2, "this is not TOML"),
        ('\n[title]\n"甲" = "乙"\n', 2, "there is no section 'title'"),
        ('"甲" = "乙"\n', 1, "there is no section '甲'"),
        ('series = "乙"\n', 1, "series must be a section"),
        ('[series]\n# "甲" is old\n"甲" = 3\n', 3, "must be followed by a text"),
        ('[titles]\n"甲" = ["乙"]\n', 2, "must be followed by a text"),
        ('[series]\n"甲 " = "乙"\n"《甲》" = "丙"\n', 3, "is the same as a line above"),
        ('[series]\n"《》" = "丙"\n', 2, "has no letter"),
        ('[titles]\n"甲" = "《》"\n', 2, "has no letter"),
        ('[series]\n"甲" = "乙"\n"乙" = "丙"\n"丙" = "甲"\n', 2, "leads back to itself"),
        ("[titles]\na = " + "[" * 5000, 2, "this is not TOML"),
        ("[titles]\na = " + "9" * 5000, 2, "this is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(OverridesError) as caught:
        read_overrides(text)
    assert caught.value.line == line
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"line {line}: ")


@example("'\x1e0")  # a sign that ends a line for Python only
@given(st.text(st.one_of(st.sampled_from('[]titlesr"= \n甲乙#'), st.characters()), max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert _refused_line(text) in range(text.count("\n") + 2)


def _refused_line(text: str) -> int:
    """The line at which the text is refused, 0 if it is read."""
    try:
        read_overrides(text)
    except OverridesError as error:
        return error.line
    return 0
