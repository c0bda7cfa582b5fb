"""Made-up updates as Telegram brings them: many people, commands, buttons and plain words mixed. Pure.

Four in ten press a button, each of nine alike often: pages of lists, a series, three cards, the help. The
others type, each of seven alike often: five commands, a search, and plain words, which are a search. People
are drawn anew for each; what they ask is what many ask, so most answers were worked out for somebody before.
Nothing here is changed by who asks.
"""

import json
import random

from bot.messages import actions as act
from bot.messages.callback_data import encode
from tests.bench.inventing import SERIES, WORDS

COMMANDS = ("/latest", "/series", "/help", "/hot", f"/series {SERIES[0]}", f"/search {WORDS[1]}", WORDS[2])
BUTTONS = (
    act.Latest(2), act.Latest(3), act.SeriesIndex(1), act.ShowPost(7), act.ShowPost(120), act.ShowPost(150),
    act.ShowScope(2, 2), act.TagIndex(1), act.HelpPage(),
)  # fmt: skip
PRESSED = 0.4  # the part of the updates that are pressed buttons
STARTED = 1_700_000_000


def update_of(number: int, person: int) -> bytes:
    """The update `number`, of this person's private chat with the bot, as JSON."""
    luck = random.Random(number)
    user = {"id": person, "is_bot": False, "first_name": f"Reader {person}", "language_code": "zh-hans"}
    chat = {"id": person, "type": "private", "first_name": f"Reader {person}"}
    message: dict[str, object] = {"message_id": number, "date": STARTED, "chat": chat}
    if luck.random() < PRESSED:
        asked: dict[str, object] = {
            "callback_query": {
                "id": str(number),
                "from": user,
                "chat_instance": "1",
                "data": encode(luck.choice(BUTTONS)),
                "message": {**message, "from": {"id": 1, "is_bot": True, "first_name": "b"}, "text": "…"},
            }
        }
    else:
        text = luck.choice(COMMANDS)
        command = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        entities = [command] if text.startswith("/") else []
        asked = {"message": {**message, "from": user, "text": text, "entities": entities}}
    return json.dumps({"update_id": number, **asked}).encode()
