"""References to a post in plain text: addresses on every host of the blog, numbers, and what is neither."""

import pytest

from bot.chat.post_references import find_post
from bot.site_profile import KEXUE

REFERENCES = (
    ("https://kexue.fm/archives/8265", 8265),
    ("kexue.fm/archives/9119/", 9119),
    ("http://spaces.ac.cn/archives/9119#comment-123", 9119),
    ("https://www.spaces.ac.cn/archives/9119/comment-page-3#comments", 9119),
    ("看看 https://kexue.fm/archives/9119?from=x 很好", 9119),
    ("/archives/9119", 9119),
    ("９１１９", 9119),
    ("https://example.org/archives/9119", None),
    ("https://kexue.fm/category/9119", None),
    ("2023年的位置编码", None),
    ("0", None),
    ("12345678", None),
)


@pytest.mark.parametrize(("text", "number"), REFERENCES)
def test_a_reference_is_found_in_its_text(text: str, number: int | None) -> None:
    found = find_post(text, KEXUE)
    assert (None if found is None else found.number) == number
