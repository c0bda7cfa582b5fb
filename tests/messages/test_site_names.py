"""Messages of another blog: its own names, licence and addresses in every message that names the blog."""

from datetime import date

import pytest

from bot.messages import help as help_pages
from bot.messages.cards import CardFacts, News, announcement, card
from bot.messages.citation import bibtex, citation
from bot.messages.commands import Labelled, profile
from bot.messages.i18n import words_for
from bot.messages.links import post_url, share_link
from bot.site_profile import SiteProfile, read_site_profile
from storage.model import ScopeId
from tests.messages.posts import post

OTHER = read_site_profile("""\
name = "示例博客"
name_en = "Sample Blog"
author = "某人"
home = "https://blog.example.org"
licence = "CC BY 4.0"
permalink = "/index.php/archives/{id}/"
""")
UNLICENSED = read_site_profile('name = "示例博客"\nauthor = "某人"\nhome = "https://blog.example.org"\n')
KEXUE_NAMES = ("kexue.fm", "kexuefm", "科学空间", "Scientific Spaces", "苏剑林", "Su Jianlin", "BY-NC-ND")
POST = post(1, "漫谈：一", date(2026, 3, 4), archive_id=7, excerpt="摘要。")


def texts(site: SiteProfile, language: str) -> dict[str, str]:
    """Return every message that names the blog, as its repr."""
    words = words_for(language, site)
    facts = help_pages.ArchiveFacts(posts=1, newest=POST, everything=ScopeId(1))
    shown = CardFacts(post=POST, bot=None)
    messages: dict[str, object] = {
        "start": help_pages.start(facts, words, bot="sample_bot"),
        "about": help_pages.about(words, version="1"),
        "greeting": help_pages.group_greeting(words),
        "card": card(shown, words),
        "announcement": announcement(shown, words, news=News.WRITTEN),
        "citation": citation(POST, site),
        "bibtex": bibtex(POST, site),
        "address": post_url(POST, site),
        "share": share_link(None, POST, site),
        "profile": [entry.text for entry in profile((), site) if isinstance(entry, Labelled)],
    }
    return {name: repr(message) for name, message in messages.items()}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("site", [OTHER, UNLICENSED], ids=["with a licence", "without a licence"])
def test_no_message_names_the_default_blog(site: SiteProfile, language: str) -> None:
    shown = texts(site, language)
    assert [(name, word) for name, text in shown.items() for word in KEXUE_NAMES if word in text] == []
    names = site.title_in(language)
    for name in ("start", "about", "greeting", "card", "announcement", "profile"):
        assert names in shown[name]


def test_author_licence_and_addresses() -> None:
    shown = texts(OTHER, "zh")
    assert "某人" in shown["about"]
    assert "CC BY 4.0" in shown["about"]
    assert "某人 · 示例博客 · CC BY 4.0" in shown["card"]
    assert "https://blog.example.org/index.php/archives/7/" in shown["announcement"]
    assert shown["bibtex"].startswith("'@online{blogexampleorg-7,")
    assert "某人. (Mar. 04, 2026). 《漫谈：一 》[Blog post]. Retrieved from" in shown["citation"]
    assert "某人 · 示例博客'" in texts(UNLICENSED, "zh")["card"]


def test_long_names_fit_into_the_limits_of_the_bot_api() -> None:
    site = read_site_profile(f'name = "{"长" * 400}"\nauthor = "{"名" * 400}"\nhome = "https://x.org"\n')
    limits = {"name": 64, "description": 512, "short_description": 120}
    for entry in profile((), site):
        if isinstance(entry, Labelled):
            assert len(entry.text) <= limits[entry.label]
