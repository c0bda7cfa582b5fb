"""No handler writes a secret, however it came into the record."""

import logging
from io import StringIO

import pytest

from bot.ops.logging import Redaction, protect_logs, redact

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw-"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (TOKEN, "<token>"),
        (f"Bot[token={TOKEN}]", "Bot[token=<token>]"),
        (f"POST https://api.telegram.org/bot{TOKEN}/getMe", "POST https://api.telegram.org/bot<token>/getMe"),
        (f"/file/bot{TOKEN.replace(':', '%3A')}/a.png", "/file/bot<token>/a.png"),
        ("/bot1:short/getMe", "/bot<token>/getMe"),
        ("at 12:30:05, 4242: nothing; archives/12345", "at 12:30:05, 4242: nothing; archives/12345"),
        ("proxy http://me:hush@h:1", "proxy http://me:<secret>@h:1"),
    ],
)
def test_redacts_tokens_and_nothing_else(text: str, clean: str) -> None:
    assert redact(text, ["hush", ""]) == clean


def written(*arguments: object, **options: object) -> str:
    """What a log with the filter holds after one call that fails inside."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redaction())
    logger = logging.Logger("x")
    logger.addHandler(handler)
    try:
        raise OSError(f"cannot reach /bot{TOKEN}/sendMessage")
    except OSError:
        logger.error(*arguments, **options)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        written("at %s", f"/bot{TOKEN}/getMe"),
        written("at %(url)s", {"url": f"/bot{TOKEN}/getMe"}),
        written("failed", exc_info=True),
        written(f"failed {TOKEN}", stack_info=True),
        written("wrong %d", f"/bot{TOKEN}/getMe"),
        written(OSError(TOKEN)),
    ],
)
def test_no_part_of_a_record_tells_the_token(text: str) -> None:
    assert "AAHdq" not in text
    assert "<token>" in text


def test_a_traceback_is_still_there() -> None:
    assert "OSError: cannot reach /bot<token>/sendMessage" in written("failed", exc_info=True)


def test_protects_each_root_handler_once_and_quiets_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.StreamHandler(StringIO())
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "aiohttp", "telegram")}
    try:
        protect_logs()
        protect_logs(["hush"])
        assert [type(each) for each in handler.filters] == [Redaction]
        assert not logging.getLogger("aiohttp.client").isEnabledFor(logging.INFO)
        assert not logging.getLogger("telegram.Bot").isEnabledFor(logging.DEBUG)
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
