"""What a 429 stops, and for how long: one chat, or the bot when several chats are flooded together.

Times are monotonic seconds and arguments. Knows no rates.
"""

import math

FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot


class Freezes:
    """`crowd` chats flooded together make a flood of the bot."""

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._chats: dict[int, float] = {}
        self._floods: list[tuple[float, int, float]] = []
        self.bot_until = -math.inf

    def __len__(self) -> int:
        """How many chats are frozen, or were lately."""
        return len(self._chats)

    def thawed(self, now: float, chat_id: int) -> float:
        """The first time from `now` on at which nothing is frozen that stops a request to this chat."""
        return max(now, self.bot_until, self._chats.get(chat_id, now))

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Nothing to this chat for exactly `retry_after` seconds. Whether it is the bot that is too fast:
        then nothing at all until the longest of all pauses is over."""
        until = now + retry_after
        self.freeze(chat_id, until)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, until))
        whole = len({flooded for _, flooded, _ in self._floods}) >= self._crowd
        if whole:
            self.freeze_bot(max(end for _, _, end in self._floods))
        return whole

    def freeze(self, chat_id: int, until: float) -> None:
        self._chats[chat_id] = max(until, self._chats.get(chat_id, until))

    def freeze_bot(self, until: float) -> None:
        self.bot_until = max(until, self.bot_until)

    def forget(self, now: float) -> None:
        """Drop what is over."""
        self._chats = {chat_id: until for chat_id, until in self._chats.items() if until > now}
