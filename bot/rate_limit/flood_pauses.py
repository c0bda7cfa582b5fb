"""Pauses after 429 answers, of chats and of the bot. Pure: time is an argument, in monotonic seconds."""

import math
from collections import deque

from storage.clock import Backoff

FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE = 2.0, 30.0  # seconds before a probe, after floods of several chats
FLOODS_TOGETHER = 5.0  # seconds within which floods of several chats are taken for a flood of the bot


class FloodPauses:
    """Pauses by chat, and the bot's.

    `crowd` chats flooded together are a flood of the bot, unless as many others were accepted meanwhile. Then
    everything pauses briefly; a single request to another chat probes, and its acceptance ends the pause.
    """

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._chats: dict[int, float] = {}
        self._floods: list[tuple[float, int, float]] = []
        self._accepted: deque[tuple[float, int]] = deque()
        self._backoff = Backoff(FIRST_BOT_PAUSE, LONGEST_BOT_PAUSE)
        self._is_probing = False
        self._probe: int | None = None
        self.bot_until = -math.inf

    def resume_at(self, now: float, chat_id: int) -> float:
        """Return the first time from `now` on at which no pause holds a request to this chat."""
        return max(now, self.bot_until, self._chats.get(chat_id, now))

    def flooded(self, now: float, chat_id: int, retry_after: float) -> bool:
        """Pause the chat for exactly `retry_after` seconds and return whether the whole bot is paused."""
        self._chats = {chat: until for chat, until in self._chats.items() if until > now}
        self.pause(chat_id, now + retry_after)
        self._floods = [flood for flood in self._floods if flood[0] > now - FLOODS_TOGETHER]
        self._floods.append((now, chat_id, now + retry_after))
        chats, first = {flooded for _, flooded, _ in self._floods}, self._floods[0][0]
        accepted = {chat for at, chat in self._accepted if at >= first} - chats
        if self._is_probing:
            refused = chat_id == self._probe
        else:
            refused = len(chats) >= self._crowd and len(chats) > len(accepted)
        if refused:
            self._is_probing, self._probe = True, None
            shortest = min(until for _, _, until in self._floods)
            self.pause_bot(min(now + self._backoff.fail(), shortest))
        return refused

    def start(self, now: float, chat_id: int) -> None:
        """Record that a request starts; after a flood of the bot it is a probe, and others wait for it."""
        if self._is_probing and now >= self.bot_until:
            self._probe = chat_id
            self.bot_until = now + FIRST_BOT_PAUSE

    def accept(self, now: float, chat_id: int) -> None:
        """Record that Telegram accepted a request; this ends a flood of the bot."""
        while self._accepted and self._accepted[0][0] <= now - FLOODS_TOGETHER:
            self._accepted.popleft()
        self._accepted.append((now, chat_id))
        if self._is_probing:
            self._is_probing, self._probe, self.bot_until = False, None, now
            self._backoff.reset()

    def accepted(self, now: float) -> frozenset[int]:
        """Return the chats to which Telegram accepted requests lately."""
        return frozenset(chat_id for at, chat_id in self._accepted if at > now - FLOODS_TOGETHER)

    def pause(self, chat_id: int, until: float) -> None:
        self._chats[chat_id] = max(until, self._chats.get(chat_id, until))

    def pause_bot(self, until: float) -> None:
        self.bot_until = max(until, self.bot_until)
