"""Made-up updates as Telegram brings them: many people, commands, buttons and plain words mixed. Pure.

Four in ten press a button, each of nine alike often: pages of lists, a series, three cards, the help. The
others type, each of seven alike often: five commands, a search, and plain words, which are a search. People
are drawn for each; their questions are common ones, so most answers come from the cache.
Nothing here is changed by who asks.
"""

import json
import random

from bot.callbacks.actions import HelpPage, Latest, SeriesIndex, ShowPost, ShowScope, TagIndex
from bot.callbacks.codec import encode
from tests.bench.invented_posts import SERIES, WORDS

COMMANDS = ("/latest", "/series", "/help", "/hot", f"/series {SERIES[0]}", f"/search {WORDS[1]}", WORDS[2])
BUTTONS = (
    Latest(2), Latest(3), SeriesIndex(1), ShowPost(7), ShowPost(120), ShowPost(150),
    ShowScope(2, 2), TagIndex(1), HelpPage(),
)  # fmt: skip
PRESSED = 0.4  # the part of the updates that are pressed buttons
STARTED = 1_700_000_000


def update_of(number: int, person: int) -> bytes:
    """The update `number`, of this person's private chat with the bot, as JSON."""
    luck = random.Random(number)
    if luck.random() < PRESSED:
        asked: dict[str, object] = {
            "callback_query": {
                "id": str(number),
                "from": _user(person),
                "chat_instance": "1",
                "data": encode(luck.choice(BUTTONS)),
                "message": {
                    **_in_chat(number, person),
                    "from": {"id": 1, "is_bot": True, "first_name": "b"},
                    "text": "…",
                },
            }
        }
    else:
        asked = message_of(number, person, luck.choice(COMMANDS))
    return json.dumps({"update_id": number, **asked}).encode()


def message_of(number: int, person: int, text: str) -> dict[str, object]:
    """The `message` of an update: this person's text."""
    command = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
    entities = [command] if text.startswith("/") else []
    written = {**_in_chat(number, person), "from": _user(person), "text": text, "entities": entities}
    return {"message": written}


def _in_chat(number: int, person: int) -> dict[str, object]:
    chat = {"id": person, "type": "private", "first_name": f"Reader {person}"}
    return {"message_id": number, "date": STARTED, "chat": chat}


def _user(person: int) -> dict[str, object]:
    return {"id": person, "is_bot": False, "first_name": f"Reader {person}", "language_code": "zh-hans"}
