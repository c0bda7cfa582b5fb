"""Callback data: every action comes back, nothing else does, nothing raises."""

from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks.actions import (
    Action,
    Archive,
    Choose,
    CourseStart,
    Forget,
    Latest,
    Setting,
    ShowPost,
    Subscribe,
)
from bot.callbacks.codec import CODES, LARGEST, MAX_BYTES, decode, encode
from storage.model import When

numbers = st.integers(0, LARGEST)
values = st.from_regex(r"[A-Za-z0-9_+/-]{1,32}", fullmatch=True)
st.register_type_strategy(int, numbers)
every_action = st.one_of(
    [st.builds(action, **({"value": values} if action is Choose else {})) for action in CODES.values()]
)


@given(every_action)
def test_every_action_comes_back(action: Action) -> None:
    data = encode(action)
    assert decode(data) == action
    assert data.isascii()
    assert 1 <= len(data) <= MAX_BYTES


@given(st.text(max_size=80))
def test_any_text_is_an_action_or_none(data: str) -> None:
    action = decode(data)
    assert action is None or decode(encode(action)) == action


@given(st.from_regex(r"1[a-z]{1,2}(:[0-9a-z-]{0,20}){0,4}", fullmatch=True))
def test_anything_like_an_action_is_one_or_none(data: str) -> None:
    action = decode(data)
    assert action is None or decode(encode(action)) == action


@pytest.mark.parametrize(
    ("data", "action"),
    [
        ("1p:12", ShowPost(12)),
        ("1l:1", Latest(1)),
        ("1a:::1", Archive()),
        ("1a:2022::1", Archive(2022)),
        ("1b:3", Subscribe(3)),
        ("1b:3:9", Subscribe(3, 9)),
        (
            "1oc:zone:America/Argentina/ComodRivadavia",
            Choose(Setting.TIME_ZONE, "America/Argentina/ComodRivadavia"),
        ),
        ("1cs:3:weekly", CourseStart(3, When.WEEKLY)),
        ("1f:1", Forget(True)),
    ],
)
def test_the_form_of_buttons_already_sent_is_kept(data: str, action: Action) -> None:
    assert decode(data) == action
    assert encode(action) == data


@pytest.mark.parametrize(
    "data",
    [
        "",
        "1",
        "p:12",
        "2p:12",
        "1p",
        "1p:",
        "1p:-1",
        "1p:+1",
        "1p: 1",
        "1p:1_0",
        "1p:01",
        "1p:１２",
        "1p:٣",
        "1p:12:1",
        "1p:12:",
        "1p:x",
        "1p:9223372036854775808",
        "1p:99999999999999999999",
        "1f:2",
        "1f:true",
        "1oc:colour:red",
        "1oc:zone:Asia/Shanghai\n",
        "1oc:zone:",
        "1cs:3:hourly",
        "1??:1",
        "1" + "p" * 64,
    ],
)
def test_forged_or_damaged_data_is_refused(data: str) -> None:
    assert decode(data) is None


@pytest.mark.parametrize(
    "action", [ShowPost(-1), ShowPost(LARGEST + 1), Choose(Setting.HOUR, "a:b"), Choose(Setting.HOUR, "")]
)
def test_what_cannot_be_read_back_is_not_written(action: Action) -> None:
    with pytest.raises(ValueError, match="cannot be a button"):
        encode(action)


def test_every_action_can_be_a_button() -> None:
    assert sorted(CODES.values(), key=repr) == sorted(get_args(Action), key=repr)


def test_no_action_changes_over() -> None:
    assert [action for action in CODES.values() if "toggle" in action.__name__.lower()] == []
    assert all(part.name not in ("on", "toggle") for action in CODES.values() for part in fields(action))
