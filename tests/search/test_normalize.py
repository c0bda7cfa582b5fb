"""How texts are compared, and the way back to the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.normalize import normalize, normalize_with_offsets

ODD = st.text(alphabet="aA 中文\\{}$_^\n\tＡ“…ßİfi①alphboldsymteqr:", max_size=40) | st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＧＡＮ：模型", "gan:模型"),
        ("“熵”不起", '"熵"不起'),
        ("一个 GAN 模型", "一个gan模型"),
        ("Deep  Net\nworks", "deep net works"),
        ("DDPM = 拆楼", "ddpm=拆楼"),
        (r"矩阵$\boldsymbol{A}$的逆", "矩阵a的逆"),
        (r"$\boldsymbol A$", "a"),
        (r"RoPE的$\beta$进制", "rope的β进制"),
        (r"\begin{equation}x_{t}\label{eq:rope}\end{equation}", "x_t"),
        (r"$\frac{1}{\sqrt{d}}$与$\log p$", "1sqrtd与logp"),
        (r"$\Theta$和$\varphi$", "θ和φ"),
        ("Nyström与Poincaré、ŷ", "nystrom与poincare、y"),
        ("100%_'\"", "100%_'\""),
        ("", ""),
    ],
)
def test_what_a_text_becomes(text: str, folded: str) -> None:
    assert normalize(text) == folded


@given(ODD)
def test_the_traced_fold_is_the_fold(text: str) -> None:
    traced = normalize_with_offsets(text)

    assert traced.text == normalize(text)
    assert len(traced.starts) == len(traced.ends) == len(traced.text)


@given(ODD)
def test_every_sign_came_from_somewhere_in_order(text: str) -> None:
    traced = normalize_with_offsets(text)

    assert list(traced.starts) == sorted(traced.starts)
    for start, end in zip(traced.starts, traced.ends, strict=True):
        assert 0 <= start < end <= len(text)
