"""Validation of initData: signed, forged, replayed, of another bot, incomplete."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.init_data import ForgedInitDataError, read_init_data
from tests.web.conftest import TOKEN

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
USER = {"id": 42, "first_name": "甲", "language_code": "zh-hans"}


def signed(fields: Mapping[str, str], token: str = TOKEN) -> str:
    """Return the fields as Telegram signs them for the bot with `token`."""
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    secret = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    digest = hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "hash": digest})


def init_data(at: datetime = NOW, user: object = USER, token: str = TOKEN) -> str:
    """Return the signed data of `user`."""
    return signed({"auth_date": str(int(at.timestamp())), "query_id": "q", "user": json.dumps(user)}, token)


def test_signed_data_names_the_person() -> None:
    user = read_init_data(init_data(), TOKEN, NOW)
    assert (user.id, user.name, user.language) == (42, "甲", "zh-hans")


FIELDS = {"auth_date": str(int(NOW.timestamp())), "user": json.dumps(USER, ensure_ascii=False)}


@pytest.mark.parametrize(
    "given_data",
    [
        signed({**FIELDS, "signature": "a-b_c" * 17, "chat_instance": "-1", "start_param": "p_1"}),
        signed(FIELDS).replace("+", "%20"),
        signed(FIELDS).replace("%3A", "%3a").replace("%22", '"'),
        quote_plus(signed(FIELDS), safe="=&%+"),
        "&".join(reversed(signed(FIELDS).split("&"))),
        signed({**FIELDS, "start_param": ""}),
        signed({**FIELDS, "user": json.dumps({**USER, "first_name": "甲\u202e😀" * 100})}),
    ],
    ids=["signature", "space", "hex", "encoded again", "order", "blank", "long name"],
)
def test_the_same_data_in_another_form_is_accepted(given_data: str) -> None:
    assert read_init_data(given_data, TOKEN, NOW).id == 42


@pytest.mark.parametrize(
    ("given_data", "reason"),
    [
        ("", "signature"),
        (init_data(token="123456:another-bot"), "signature"),
        (init_data().replace("%22id%22%3A+42", "%22id%22%3A+43"), "signature"),
        (init_data() + "&extra=1", "signature"),
        (init_data() + "&query_id=q", "repeated"),
        (init_data() + "&hash=0", "repeated"),
        ("hash=0&" + init_data(), "repeated"),
        (init_data() + "&has%68=0", "repeated"),
        (init_data().replace("hash=", "Hash="), "signature"),
        (init_data().replace("hash=", "hash=%00"), "signature"),
        (init_data() + "&signature=x", "signature"),
        (quote_plus(init_data()), "signature"),
        (init_data().upper(), "signature"),
        (init_data(NOW - timedelta(days=1, seconds=1)), "expired"),
        (init_data(NOW + timedelta(minutes=6)), "expired"),
        (signed({"auth_date": "1"}), "incomplete"),
        (init_data(user=[]), "incomplete"),
        (init_data(user={"id": "x"}), "incomplete"),
        (init_data(user={"id": 2**70}), "incomplete"),
        (init_data(user={"id": -5}), "incomplete"),
        (signed({"auth_date": "9" * 40, "user": json.dumps(USER)}), "incomplete"),
        ("a" * 9000, "long"),
    ],
)
def test_other_data_is_refused_with_its_reason(given_data: str, reason: str) -> None:
    with pytest.raises(ForgedInitDataError, match=reason):
        read_init_data(given_data, TOKEN, NOW)


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(ForgedInitDataError):
        read_init_data(text, TOKEN, NOW)
