"""Reasons in Chinese messages: the known ones are those that the code gives, the others are quoted."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.crawler.fetcher import why_not_fetched
from bot.messages.i18n import words_for
from bot.messages.reasons import REASONS, reason_of

BOT = Path(__file__).parents[2] / "bot"
OF_TELEGRAM = tuple(REASONS)[tuple(REASONS).index("bot was blocked by the user") :]


def strings() -> Iterator[str]:
    """Yield every string of the intake and the crawler, with x in place of each value."""
    for folder in ("crawler", "intake"):
        for path in (BOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                elif isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
                    yield "".join(map(str, parts))


def test_every_known_reason_is_given_somewhere() -> None:
    statuses = (why_not_fetched(status, b"<p>") or "" for status in (401, 403, 404, 410, 418, 429, 502))
    said = {reason_of(reason, words_for("zh")) for reason in (*strings(), *statuses)}
    given = {reason.partition("（")[0] for reason in said if not reason.startswith("「")}
    known = {chinese.partition("（")[0].replace("{n}", "x").replace("{seconds}", "x")
             for english, chinese in REASONS.items() if english not in OF_TELEGRAM}  # fmt: skip
    assert known <= given, known - given


@pytest.mark.parametrize(
    ("reason", "zh", "zh_hant", "en"),
    [
        ("it is out of order (502)", "服务器出错（502）", "伺服器出錯（502）", "it is out of order (502)"),
        ("Chat not found", "找不到会话", "找不到對話", None),
        ("Bad Request: TOPIC_CLOSED", "话题关闭了", "話題關閉了", "TOPIC_CLOSED"),
        ("bot was kicked from the supergroup chat", "被移出了", "被移出了", None),
        ("a new reason。", "「a new reason」", "「a new reason」", "a new reason"),
    ],
)
def test_a_reason_is_translated_or_quoted(reason: str, zh: str, zh_hant: str, en: str | None) -> None:
    said = [reason_of(reason, words_for(language)) for language in ("zh", "zh-hant", "en")]
    assert said == [zh, zh_hant, en or reason]
