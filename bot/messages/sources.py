"""What operators are told of the pages that are fetched: how each goes, and when one fails or works again."""

import datetime as dt
from collections.abc import Sequence

from bot.messages.characters import one_line
from bot.messages.document import Code, Item, Items, Message, Text
from bot.messages.notices import notice
from bot.messages.words import Words
from storage.model import Source

NEVER = "—"


def failing(words: Words, url: str, reason: str, hours: int) -> Message:
    said = words.count(
        "{n} 小时没从 {url} 取到东西了：{reason}。还会接着试，好了再告诉你。",
        hours,
        url=one_line(url),
        reason=one_line(reason).rstrip("。."),
    )
    return notice(said)


def recovered(words: Words, url: str) -> Message:
    return notice(words.say("{url} 又能取到了。", url=one_line(url)))


def sources(words: Words, known: Sequence[Source]) -> Items:
    """A line for each source; all times are UTC."""
    return Items(
        tuple(
            Item(
                (Code(one_line(source.url)), Text("  " + _how(words, source))),
                label="!" if source.error else "·",
            )
            for source in known
        )
    )


def _how(words: Words, source: Source) -> str:
    said = words.say(
        "{items} 篇，试 {tried}，成 {succeeded}，变 {changed}，下次 {next}",
        items=NEVER if source.items is None else source.items,
        tried=_moment(source.last_try),
        succeeded=_moment(source.last_success),
        changed=_moment(source.last_change),
        next=_moment(source.next_run),
    )
    if source.error is None:
        return said
    why = words.count(
        "连着 {n} 次没取到：{reason}", source.failures, reason=one_line(source.error).rstrip("。.")
    )
    return said + ("；" if words.language == "zh" else "; ") + why


def _moment(at: dt.datetime | None) -> str:
    return NEVER if at is None else f"{at.astimezone(dt.UTC):%m-%d %H:%M}"
