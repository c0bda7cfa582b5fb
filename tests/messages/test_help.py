"""First contact: what a newcomer sees, and that two taps are enough."""

import pytest

from bot.callbacks.actions import SeriesIndex, Subscribe
from bot.callbacks.codec import decode
from bot.messages.commands import COMMANDS, Where
from bot.messages.help import (
    ArchiveFacts,
    ContinueReading,
    about,
    command_help,
    group_greeting,
    group_start,
    help_page,
    start,
)
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.scope_pages import Neighbour
from bot.messages.subscriptions import Place
from bot.render.html import plain
from storage.model import ChatKind
from tests.messages.golden_files import Scene, check
from tests.messages.posts import EVERYTHING, LEAKY, ROPE

STORED = ArchiveFacts(posts=1_337, newest=LEAKY, everything=EVERYTHING.id)
GROUP = Place(kind=ChatKind.GROUP)
EMPTY = ArchiveFacts(posts=0, newest=None, everything=EVERYTHING.id)

SCENES: dict[str, Scene] = {
    "start": lambda words: start(STORED, words, bot="kexue_bot"),
    "start again": lambda words: start(STORED, words, subscribed=True),
    "start after reading": lambda words: start(
        STORED, words, unread=ContinueReading(scope=ROPE, next=Neighbour(post=3, episode=3)), bot="kexue_bot"
    ),
    "start in a group": lambda words: group_start(STORED, words, manager=False, place=GROUP, bot="kexue_bot"),
    "start in a group of one's own": lambda words: group_start(
        STORED, words, manager=True, place=GROUP, bot="kexue_bot"
    ),
    "one command": lambda words: command_help(COMMANDS[0], words),
    "start empty": lambda words: start(EMPTY, words),
    "group": lambda words: group_greeting(words, bot="kexue_bot"),
    "help": help_page,
    "help for operators": lambda words: help_page(words, operator=True),
    "help in a group": lambda words: help_page(words, where=Where.GROUP),
    "about": lambda words: about(words, version="1.2.0"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("help", name, SCENES[name], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_subscription_is_at_most_two_taps_away(language: str) -> None:
    message = start(STORED, words_for(language))
    offered = [decode(button.action or "") for row in message.keyboard for button in row]
    assert offered[0] == Subscribe(EVERYTHING.id)
    assert SeriesIndex(1, 0) in offered


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_greeting_in_a_group_is_one_line(language: str) -> None:
    assert "\n" not in plain(group_greeting(words_for(language)).body)
