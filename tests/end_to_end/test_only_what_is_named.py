"""Property: no command, button or plain message changes or deletes more than its confirmation names."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
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
    Unmute,
    Unsave,
    Unsubscribe,
    UnsubscribeAll,
)
from bot.callbacks.codec import decode
from bot.chat.actions import answer
from bot.chat.commands import ask, plain_text
from bot.chat.context import Reply, RequestContext, Services
from bot.render.html import plain
from storage.clock import SystemClock
from storage.database import Database, Transaction, open_database
from storage.model import ChatKind, Scope, ScopeId, ScopeKind
from tests.end_to_end.whole_bot import store
from tests.tools.dumps import ARCHIVE, listing

READER, GROUP = 7, -1_000_000_000_077
# Chat, topic and kind of each place; the topics are of the same group.
PLACES = (
    (READER, None, ChatKind.PRIVATE),
    (GROUP, None, ChatKind.GROUP),
    (GROUP, 5, ChatKind.GROUP),
    (GROUP, 6, ChatKind.GROUP),
)
WORDS = (
    "", "全部", "all", "tag", "系列", "mute", "屏蔽", "word", "attention", "生成扩散模型漫谈", "GAN",
    "标签 attention", "mute tag attention", "word RoPE", "关键词 外推", "没有这样的",
    "系列「Transformer升级之路」",
)  # fmt: skip
COMMANDS = st.tuples(
    st.sampled_from(("subscribe", "unsubscribe", "subscriptions", "series", "tag", "course", "read", "help")),
    st.sampled_from(WORDS),
)
TYPED_SETTINGS = st.tuples(
    st.just("settings"),
    st.sampled_from(("", "hour 8", "zone Mars", "foo", "语言 en", "免打扰 23-7", "sound")),
)
PLAIN = st.sampled_from(
    ("attention", "9119", "https://kexue.fm/archives/1", "全部", "退订", "/ 屏蔽", "删除")
)
BUTTON = st.integers(0, 30)
STEPS = st.lists(
    st.tuples(st.integers(0, len(PLACES) - 1), st.one_of(COMMANDS, TYPED_SETTINGS, PLAIN, BUTTON)),
    min_size=1,
    max_size=16,
)

# Place, kind of a stored row and its name, with its value: all that is set anywhere.
State = dict[tuple[int, str, str], object]


async def state(tx: Transaction) -> State:
    """Return all that is stored, one entry per subscription, course, bookmark and setting of a place."""
    found: State = {}
    stored = [*await tx.destinations.of_chat(READER), *await tx.destinations.of_chat(GROUP)]
    for to in stored:
        place = next(at for at, where in enumerate(PLACES) if where[:2] == (to.chat_id, to.thread_id))
        for one in await tx.destinations.subscriptions(to.id):
            found[place, "subscription", name_of(one.scope)] = one.muted
        for course in await tx.courses.of(to.id):
            found[place, "course", course.scope.name] = (course.stage, course.last)
        for name in to.preferences.__slots__:
            found[place, "setting", str(name)] = getattr(to.preferences, name)
    for mark in await tx.bookmarks.everything_of(READER):
        found[0, "bookmark", str(mark.post_id)] = (mark.saved_at, mark.read_at)
    return found


async def expected(tx: Transaction, place: int, action: Action, before: State) -> State | None:
    """Return the subscriptions after a pressed button by the model; None for one that changes none."""
    wanted = {key: value for key, value in before.items() if key[1] == "subscription"}
    if not isinstance(action, Subscribe | Unsubscribe | Mute | Unmute):
        return wanted if not isinstance(action, UnsubscribeAll | Restore | CourseNext) else None
    scope = await tx.scopes.get(ScopeId(action.scope))
    assert scope is not None
    key = (place, "subscription", name_of(scope))
    match action:
        case Subscribe():
            wanted[key] = False
        case Mute():
            wanted[key] = True
        case Unsubscribe():
            if wanted.get(key) is False:
                del wanted[key]
        case Unmute():
            if wanted.get(key) is True:
                del wanted[key]
    return wanted


NAMES = {"全部文章": ("全部文章", "every post", "all posts")}  # in both languages


def name_of(scope: Scope) -> str:
    return "全部文章" if scope.kind is ScopeKind.EVERYTHING else scope.name


def changed(before: State, after: State) -> set[tuple[int, str, str]]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def text_of(reply: Reply) -> str:
    """Return all that a reply says: its message and its toast."""
    message = "" if reply.message is None else plain(reply.message.body)
    return f"{message}\n{reply.toast or ''}"


def check(place: int, step: object, reply: Reply, before: State, after: State) -> None:
    """Every changed row is of this place and named by the reply, or by the button that was pressed."""
    text = text_of(reply)
    rows = changed(before, after)
    assert {row[0] for row in rows} <= {place}, (step, place, rows, text)
    created = {key for key in rows if key[1] == "setting" and key not in before}
    for _, kind, name in rows - created:
        match kind:
            case "subscription":
                assert any(each in text for each in NAMES.get(name, (name,))), (step, kind, name, text)
                assert re.search("订阅|屏蔽|ubscri|ute", text), (step, text)
            case "course":
                assert name in text or "课" in text or "lesson" in text, (step, text)
            case "bookmark":
                assert isinstance(step, MarkRead | MarkUnread | Save | Unsave) or "读过" in text, (step, text)
            case _:
                assert "已保存" in text or "Saved" in text, (step, name, text)
    settings_changed = {key for key in rows - created if key[1] == "setting"}
    assert len(settings_changed) <= 2, (step, settings_changed)  # quiet hours are two
    subscriptions = {key for key in rows if key[1] == "subscription"}
    if not isinstance(step, UnsubscribeAll) and "恢复" not in text:
        assert len(subscriptions) <= 1, (step, subscriptions, text)


async def request_of(database: Database, place: int) -> RequestContext:
    chat, thread, kind = PLACES[place]
    to = await database.read(lambda tx: tx.destinations.find(chat, thread))
    return RequestContext(
        chat_id=chat, thread_id=thread, kind=kind, user_id=READER, client="zh", destination=to
    )


async def forget_all(tx: Transaction) -> None:
    for chat in (READER, GROUP):
        await tx.destinations.forget(chat)
    await tx.bookmarks.forget(READER)


async def walk(url: str, steps: list[tuple[int, tuple[str, str] | str | int]]) -> None:
    """Take the steps, each in its place; a number presses that button of the last message there."""
    database = await open_database(url)
    services = Services(database=database, clock=SystemClock())
    try:
        await database.write(forget_all)
        shown: dict[int, list[Action]] = {}
        for place, step in steps:
            request = await request_of(database, place)
            before = await database.read(state)
            taken: object = step
            model: State | None = None
            if isinstance(step, int):
                if not (buttons := shown.get(place)):
                    continue
                action = taken = buttons[step % len(buttons)]
                if isinstance(action, Forget) and action.confirmed:
                    continue  # erases everything, as its question says
                model = await database.read(partial(expected, place=place, action=action, before=before))
                reply = await answer(services, request, action)
            elif isinstance(step, tuple):
                reply = await ask(services, request, *step)
            else:
                reply = await plain_text(services, request, step)
            after = await database.read(state)
            check(place, taken, reply, before, after)
            if model is not None:
                assert {key: value for key, value in after.items() if key[1] == "subscription"} == model, (
                    taken
                )
            if reply.message is not None:
                data = [button.action for row in reply.message.keyboard for button in row if button.action]
                shown[place] = [found for each in data if (found := decode(each)) is not None]
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
@settings(max_examples=40, deadline=None)
def test_nothing_changes_but_what_the_reply_names(
    archive: str, steps: list[tuple[int, tuple[str, str] | str | int]]
) -> None:
    asyncio.run(walk(archive, steps))
