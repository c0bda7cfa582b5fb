"""Addresses in logs, messages and metrics are shown without secrets."""

import pytest

from bot.text_sanitizer import redact_url, redact_urls


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://kexue.fm/feed", "https://kexue.fm/feed"),
        ("https://kexue.fm/feed?key=secret#x", "https://kexue.fm/feed?…"),
        ("http://user:secret@kexue.fm:81/a", "http://kexue.fm:81/a"),
        ("//[broken/secret", "an invalid address"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_addresses_inside_a_text() -> None:
    text = "407, message='no', url='http://me:secret@proxy:1/' after https://x.org/feed?key=secret twice"
    assert redact_urls(text) == "407, message='no', url='http://proxy:1/' after https://x.org/feed?… twice"
