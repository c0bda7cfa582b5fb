"""Subscriptions: what is said when one is made, changed, listed."""

import pytest

from bot.callbacks.actions import Mute, SeriesIndex, Subscribe, Subscriptions, Unmute, Unsubscribe
from bot.callbacks.codec import decode
from bot.messages import subscriptions as views
from bot.messages.elements import page_of
from bot.messages.i18n import LANGUAGES, words_for
from bot.messages.subscriptions import Before, Matching, Place
from storage.model import ChatKind, Counted, DestinationId, Preferences, Subscription, When
from tests.messages.golden_files import Scene, check
from tests.messages.posts import AGE, DDPM, EVERYTHING, LEAKY, LENGTH, NOISE, ROPE, SPECTRA, WORD

HERE = DestinationId(3)
CHANNEL = Place(kind=ChatKind.CHANNEL, number=9, title="读论文")
DAILY = Preferences(when=When.DAILY)
LAST = Matching(count=21, last=(LEAKY, DDPM, SPECTRA))
EVERY = (
    Subscription(destination_id=HERE, scope=ROPE),
    Subscription(destination_id=HERE, scope=LENGTH),
    Subscription(destination_id=HERE, scope=WORD),
    Subscription(destination_id=HERE, scope=AGE),
    Subscription(destination_id=HERE, scope=NOISE, muted=True),
)

SCENES: dict[str, Scene] = {
    "subscribed": lambda words: views.subscribed(ROPE, LAST, Preferences(), words, bot="kexue_bot"),
    "subscribed to everything": lambda words: views.subscribed(
        EVERYTHING, Matching(count=1_337, last=(LEAKY,)), DAILY, words
    ),
    "subscribed in a channel": lambda words: views.subscribed(
        NOISE, Matching(count=0), DAILY, words, place=CHANNEL, topics=True
    ),
    "subscribed again": lambda words: views.subscribed(
        ROPE, LAST, Preferences(), words, before=Before.SUBSCRIBED, everything=EVERYTHING.id
    ),
    "subscribed after a mute": lambda words: views.subscribed(
        NOISE, LAST, Preferences(), words, before=Before.MUTED
    ),
    "unsubscribed": lambda words: views.unsubscribed(ROPE, 1, words),
    "unsubscribed from the last": lambda words: views.unsubscribed(ROPE, 0, words),
    "unsubscribed with a course": lambda words: views.unsubscribed(ROPE, 0, words, courses=True),
    "not subscribed": lambda words: views.not_subscribed(ROPE, words),
    "question before all": lambda words: views.unsubscribe_all_question(
        (ROPE, LENGTH, WORD), 8, words, courses=True, muted=True
    ),
    "all unsubscribed": lambda words: views.all_unsubscribed((ROPE, LENGTH, WORD), 8, 0, words),
    "restored": lambda words: views.restored((ROPE, LENGTH, WORD), words),
    "muted": lambda words: views.muted(NOISE, words),
    "muted after a subscription": lambda words: views.muted(NOISE, words, before=Before.SUBSCRIBED),
    "unmuted": lambda words: views.unmuted(NOISE, words),
    "not muted": lambda words: views.unmuted(NOISE, words, was=False),
    "all": lambda words: views.subscriptions(page_of(EVERY, 1), 4, DAILY, words),
    "of a member": lambda words: views.subscriptions(page_of(EVERY, 1), 4, DAILY, words, editable=False),
    "of a channel": lambda words: views.subscriptions(page_of(EVERY * 2, 2), 8, DAILY, words, place=CHANNEL),
    "of a group": lambda words: views.subscriptions(
        page_of(EVERY[:1], 1), 1, DAILY, words, place=Place(kind=ChatKind.GROUP)
    ),
    "of a topic": lambda words: views.unsubscribed(
        ROPE, 1, words, place=Place(kind=ChatKind.GROUP, topic=True)
    ),
    "names to subscribe to": lambda words: views.names_to_subscribe(
        page_of([Counted(scope=ROPE, posts=21), Counted(scope=NOISE, posts=3)], 1),
        SeriesIndex(1, 0),
        frozenset({ROPE.id}),
        words,
    ),
    "none in a group of one's own": lambda words: views.nothing_subscribed(
        words, everything=EVERYTHING.id, place=Place(kind=ChatKind.GROUP)
    ),
    "mutes only": lambda words: views.subscriptions(page_of(EVERY[4:], 1), 0, DAILY, words),
    "none": lambda words: views.nothing_subscribed(words, everything=EVERYTHING.id),
    "none in a group": lambda words: views.nothing_subscribed_here(words, "https://t.me/kexue_bot?start=i_1"),
    "choose": lambda words: views.subscribe_menu(words, everything=EVERYTHING.id),
    "nothing to unsubscribe": lambda words: views.nothing_to_unsubscribe(words, courses=True),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_in_its_golden_file(name: str, language: str) -> None:
    check("subscriptions", name, SCENES[name], language)


@pytest.mark.parametrize("name", ["subscribed in a channel", "of a channel"])
def test_another_chats_buttons_stay_another_chats(name: str) -> None:
    actions = [
        decode(button.action or "") for row in SCENES[name](words_for("zh")).keyboard for button in row
    ]
    kinds = Subscribe | Unsubscribe | Mute | Unmute | Subscriptions
    assert {action.destination for action in actions if isinstance(action, kinds)} == {9}


def test_each_subscription_has_its_own_way_out() -> None:
    actions = [
        decode(button.action or "") for row in SCENES["all"](words_for("zh")).keyboard for button in row
    ]
    out = {action.scope for action in actions if isinstance(action, Unsubscribe | Unmute)}
    assert out == {each.scope.id for each in EVERY}
