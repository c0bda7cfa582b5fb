"""Operator notices: each kind survives its payload and has a message."""

from bot.delivery.admin_notices import (
    KINDS,
    MESSAGES,
    ChatsSilent,
    ChatsSuspended,
    DeliveryFailed,
    FanOutRecovered,
    FanOutRefused,
    PostsHeld,
    SourceFailing,
    Uncertain,
    decode,
    encode,
)

COUNTED = {ChatsSilent, ChatsSuspended, FanOutRecovered, FanOutRefused, PostsHeld, Uncertain}


def test_every_kind_has_a_message() -> None:
    assert set(KINDS.values()) == MESSAGES.keys() | COUNTED | {DeliveryFailed}


def test_a_notice_survives_its_payload() -> None:
    notice = SourceFailing("https://kexue.fm/feed", "502", 24)
    assert decode(encode(notice)) == notice
    assert decode('{"notice": "FromLater", "x": 1}') is None
