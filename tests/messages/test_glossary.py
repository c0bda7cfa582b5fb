"""Glossary: both catalogues use one word for one thing."""

import pytest

from bot.messages.commands import COMMANDS
from bot.messages.glossary import GLOSSARY
from bot.messages.i18n import LANGUAGES, words_for
from tests.messages.catalogues import uses


def _texts(language: str) -> list[str]:
    """Return every message of a language and every description of a command."""
    words = words_for(language)
    messages = []
    for use in uses():
        if use.msgid is None:
            continue
        catalogue = words.catalogue
        texts = (
            [catalogue.ngettext(use.msgid, use.msgid, n) for n in (1, 2)]
            if use.counted
            else [catalogue.gettext(use.msgid)]
        )
        messages += texts
    return [*messages, *(command.description(language) for command in COMMANDS)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_uses_another_word_for_a_thing(language: str) -> None:
    found = []
    for text in _texts(language):
        for term in GLOSSARY:
            shown = text
            for phrase in term.within:
                shown = shown.replace(phrase, "")
            never = term.zh_never if language == "zh" else term.en_never
            found += [(word, text) for word in never if word in shown]
    assert found == []


def test_every_term_is_used_in_both_languages() -> None:
    texts = {language: "\n".join(_texts(language)).lower() for language in LANGUAGES}
    unused = [term for term in GLOSSARY if term.zh not in texts["zh"] or term.en.lower() not in texts["en"]]
    assert unused == []


def test_no_word_of_one_thing_is_forbidden_for_another() -> None:
    forbidden = {word for term in GLOSSARY for word in (*term.zh_never, *term.en_never)}
    assert not forbidden & {word for term in GLOSSARY for word in (term.zh, term.en)}
