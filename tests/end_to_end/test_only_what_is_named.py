"""Property: no command, button or plain message changes or deletes more than its confirmation names.

Walks mix commands, settings, plain text, answers to questions, and buttons of any earlier message of a place,
in a private chat, a group, two topics and a channel, which the person manages from the private chat too.
"""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import (
    Action,
    CourseNext,
    Forget,
    MarkRead,
    MarkUnread,
    Mute,
    Restore,
    Save,
    Subscribe,
    TopicFor,
    Unmute,
    Unsave,
    Unsubscribe,
    UnsubscribeAll,
)
from bot.callbacks.codec import decode
from bot.chat.actions import answer
from bot.chat.commands import ask
from bot.chat.context import Reply, RequestContext, Services
from bot.chat.permissions import OtherChats
from bot.chat.plain_text import OpenQuestions
from bot.chat.subscribe import LISTED, shared
from bot.render.html import plain
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, DestinationId, Scope, ScopeId, ScopeKind
from tests.end_to_end.whole_bot import store
from tests.tools.dumps import ARCHIVE, listing
from tests.tools.examples import examples

READER, GROUP, CHANNEL = 7, -1_000_000_000_077, -1_000_000_000_088
CHATS = (READER, GROUP, CHANNEL)
# Chat, topic and kind of each place; the topics are of the same group.
PLACES = (
    (READER, None, ChatKind.PRIVATE),
    (GROUP, None, ChatKind.GROUP),
    (GROUP, 5, ChatKind.GROUP),
    (GROUP, 6, ChatKind.GROUP),
    (CHANNEL, None, ChatKind.CHANNEL),
)
WORDS = (
    "", "全部", "all", "tag", "系列", "mute", "屏蔽", "word", "attention", "生成扩散模型漫谈", "GAN",
    "标签 attention", "mute tag attention", "word RoPE", "关键词 外推", "没有这样的",
    "系列「Transformer升级之路」", "屏蔽 系列 Transformer升级之路",
)  # fmt: skip
CALLED = (
    "subscribe", "unsubscribe", "subscriptions", "series", "tag", "course", "read", "help", "forget", "start",
)  # fmt: skip
COMMANDS = st.tuples(
    st.sampled_from(CALLED),
    st.sampled_from(WORDS),
)
TYPED_SETTINGS = st.tuples(
    st.just("settings"),
    st.sampled_from(("", "hour 8", "zone Mars", "foo", "语言 en", "免打扰 23-7", "sound")),
)
PLAIN = st.sampled_from(
    ("attention", "9119", "https://kexue.fm/archives/1", "全部", "退订", "/ 屏蔽", "删除", "取消", "RoPE")
)
SHARED = st.sampled_from((GROUP, CHANNEL))  # chosen in Telegram's picker
BUTTON = st.integers(0, 200)
Step = tuple[str, str] | str | int
STEPS = st.lists(
    st.tuples(
        st.integers(0, len(PLACES) - 1), st.one_of(COMMANDS, TYPED_SETTINGS, PLAIN, BUTTON, BUTTON, SHARED)
    ),
    min_size=1,
    max_size=16,
)

# Chat and topic, kind of a stored row and its name, with its value: all that is set anywhere.
At = tuple[int, int | None]
State = dict[tuple[At, str, str], object]


async def state(tx: Transaction) -> State:
    """Return all that is stored, one entry per subscription, course, bookmark and setting of a place."""
    found: State = {}
    for to in [to for chat in CHATS for to in await tx.destinations.of_chat(chat)]:
        place = (to.chat_id, to.thread_id)
        for one in await tx.destinations.subscriptions(to.id):
            found[place, "subscription", name_of(one.scope)] = one.muted
        for course in await tx.courses.of(to.id):
            found[place, "course", course.scope.name] = (course.stage, course.last)
        for name in to.preferences.__slots__:
            found[place, "setting", str(name)] = getattr(to.preferences, name)
    for mark in await tx.bookmarks.everything_of(READER):
        found[(READER, None), "bookmark", str(mark.post_id)] = (mark.saved_at, mark.read_at)
    return found


def subscriptions_of(stored: State) -> State:
    return {key: value for key, value in stored.items() if key[1] == "subscription"}


async def listed(tx: Transaction, number: int) -> list[Scope]:
    """Return the scopes of the list stored under a number."""
    text = await tx.scopes.words_of(number) or ""
    parts = text.removeprefix(LISTED).split(",") if text.startswith(LISTED) else []
    return list((await tx.scopes.many([ScopeId(int(part)) for part in parts])).values())


async def expected(tx: Transaction, at: At, action: Action, before: State) -> State | None:
    """Return the subscriptions after a pressed button by the model; None for a lesson, perhaps the last."""
    wanted = subscriptions_of(before)
    match action:
        case Forget(confirmed=True):
            return {key: value for key, value in wanted.items() if key[0][0] != at[0]}
        case CourseNext():
            return None
        case UnsubscribeAll(listed=number) if number:
            names = {name_of(scope) for scope in await listed(tx, number)}
            return {
                key: muted for key, muted in wanted.items() if key[0] != at or muted or key[2] not in names
            }
        case Restore(removed=number):
            kept = {(at, "subscription", name_of(scope)): False for scope in await listed(tx, number)}
            return kept | wanted
        case Subscribe() | Unsubscribe() | Mute() | Unmute() | TopicFor():
            scope = await tx.scopes.get(ScopeId(action.scope))
            assert scope is not None
            return _changed_by(action, (at, "subscription", name_of(scope)), wanted)
        case _:
            return wanted


def _changed_by(
    action: Subscribe | Unsubscribe | Mute | Unmute | TopicFor, key: tuple[At, str, str], wanted: State
) -> State:
    match action:
        case Subscribe():
            wanted[key] = False
        case Mute():
            wanted[key] = True
        case Unsubscribe() | TopicFor() if wanted.get(key) is False:
            del wanted[key]
        case Unmute() if wanted.get(key) is True:
            del wanted[key]
    if isinstance(action, TopicFor):
        wanted[(key[0][0], TOPIC), "subscription", key[2]] = False
    return wanted


NAMES = {"全部文章": ("全部文章", "every post", "all posts")}  # in both languages
TOPIC = 100  # each topic that the bot opens, so that a second one finds the first one's subscriptions


def name_of(scope: Scope) -> str:
    return "全部文章" if scope.kind is ScopeKind.EVERYTHING else scope.name


def changed(before: State, after: State) -> set[tuple[At, str, str]]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def text_of(reply: Reply) -> str:
    """Return all that a reply says: its message and its toast."""
    message = "" if reply.message is None else plain(reply.message.body)
    return f"{message}\n{reply.toast or ''}"


def check(at: At, step: object, reply: Reply, before: State, after: State) -> None:
    """Every changed row is of this place and named by the reply, or by the button that was pressed."""
    text = text_of(reply)
    rows = changed(before, after)
    if isinstance(step, Forget) and step.confirmed:
        assert {row[0][0] for row in rows} <= {at[0]}, (step, at, rows)
        assert not [key for key in after if key[0][0] == at[0]], (step, at, after)
        return
    places = {at} | ({(at[0], TOPIC)} if isinstance(step, TopicFor) else set())
    assert {row[0] for row in rows} <= places, (step, at, rows, text)
    created = {key for key in rows if key[1] == "setting" and key not in before}
    for _, kind, name in rows - created:
        match kind:
            case "subscription":
                assert any(each in text for each in NAMES.get(name, (name,))) or (
                    isinstance(step, CourseNext) and re.search("系列已订阅|now subscribed", text)
                ), (step, kind, name, text)
                assert re.search("订阅|屏蔽|话题|ubscri|ute|opic", text), (step, text)
            case "course":
                assert name in text or "课" in text or "lesson" in text, (step, text)
            case "bookmark":
                assert isinstance(step, MarkRead | MarkUnread | Save | Unsave) or "读过" in text, (step, text)
            case _:
                assert "已保存" in text or "Saved" in text, (step, name, text)
    settings_changed = {key for key in rows - created if key[1] == "setting"}
    assert len(settings_changed) <= 2, (step, settings_changed)  # quiet hours are two
    subscriptions = {key for key in rows if key[1] == "subscription"}
    if not isinstance(step, UnsubscribeAll | Restore | TopicFor):
        assert len(subscriptions) <= 1, (step, subscriptions, text)
    if subscriptions == set() and not isinstance(step, Subscribe):
        assert not re.search("订阅好了|退订了|已恢复|已屏蔽.*：即使", text), (step, text)


class OwnChats(OtherChats):
    """The person administers every chat, and the bot may do all there."""

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        return chat_id in CHATS and user_id == READER

    async def may_write(self, chat_id: int, *, channel: bool) -> bool:
        return (chat_id == CHANNEL) == channel

    async def open_topic(self, chat_id: int, name: str) -> int | None:
        return TOPIC if chat_id == GROUP and name else None


async def request_of(database: Database, place: int) -> RequestContext:
    chat, thread, kind = PLACES[place]
    to = await database.read(lambda tx: tx.destinations.find(chat, thread))
    return RequestContext(
        chat_id=chat, thread_id=thread, kind=kind, user_id=READER, client="zh", destination=to,
        forum=chat == GROUP,
    )  # fmt: skip


async def forget_all(tx: Transaction) -> None:
    for chat in CHATS:
        await tx.destinations.forget(chat)
    await tx.bookmarks.forget(READER)


def actions_of(reply: Reply) -> Iterator[Action]:
    """Return the buttons below a reply, and the one that takes the place of the pressed one."""
    if reply.message is not None:
        data = [button.action for row in reply.message.keyboard for button in row if button.action]
        yield from (found for each in data if (found := decode(each)) is not None)
    if reply.replacement_button is not None:
        yield reply.replacement_button[1]


async def place_of(tx: Transaction, action: Action, here: At) -> At:
    """Return the place that a button is about, which may be another than the one it stands in."""
    if number := getattr(action, "destination", None):
        found = await tx.destinations.many([DestinationId(number)])
        return next(((to.chat_id, to.thread_id) for to in found.values()), here)
    return here


async def walk(url: str, steps: list[tuple[int, Step]]) -> None:
    """Take the steps, each in its place; a number presses that button of all that were shown there."""
    database = await open_database(url)
    services = Services(database=database, clock=SystemClock(), other_chats=OwnChats())
    questions = OpenQuestions()
    try:
        await database.write(forget_all)
        shown: dict[int, list[Action]] = {}
        for place, step in steps:
            request = await request_of(database, place)
            before = await database.read(state)
            at: At = PLACES[place][:2]
            taken: object = step
            model: State | None = None
            private = request.kind is ChatKind.PRIVATE
            if step in (GROUP, CHANNEL):
                if not private:
                    continue
                reply = await shared(services, request, int(step), "A chat", channel=step == CHANNEL)
                at = (int(step), None)
            elif isinstance(step, int):
                if not (buttons := shown.get(place)):
                    continue
                action = taken = buttons[-1 - step % len(buttons)]  # mostly of recent messages
                at = await database.read(partial(place_of, action=action, here=at))
                model = await database.read(partial(expected, at=at, action=action, before=before))
                questions.close(request)
                reply = await answer(services, request, action)
            elif isinstance(step, tuple):
                questions.close(request)
                reply = await ask(services, request, *step)
            elif private:
                reply = await questions.answer(services, request, step)
            else:
                continue  # plain text of groups and channels is not read
            questions.open(request, reply, services.clock.monotonic())
            after = await database.read(state)
            check(at, taken, reply, before, after)
            assert model is None or subscriptions_of(after) == model, taken
            shown[place] = [*shown.get(place, []), *actions_of(reply)]
    finally:
        await database.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database with two series, tags and a dozen other posts."""
    path: Path = tmp_path_factory.mktemp("named") / "kexue.db"
    url = f"sqlite+aiosqlite:///{path}"
    asyncio.run(store(url, listing(*ARCHIVE).encode()))
    return url


@given(STEPS)
@examples(40)
def test_nothing_changes_but_what_the_reply_names(archive: str, steps: list[tuple[int, Step]]) -> None:
    asyncio.run(walk(archive, steps))
