"""The pacing of bookings that may be used late: a process that is busy need not book them again.

Arithmetic only, as the pacing that it widens.
"""

import math

from bot.delivery.pacing import Pacing
from bot.delivery.windows import book, unbook

# So much of the bot's window must be free for bookings that take more than they need: with less, at the limit
# they take the room of what could leave (a fifth cost half of the rate where booking took 0.3 s).
PLENTY = 0.6


class WidePacing(Pacing):
    """A stretched booking counts twice, where it may begin first and where last: so at least once in every
    window of the bot in which it may begin, as long as the two are nearer than the window is long. For its
    chat it counts once, where it may begin last."""

    def stretch(self, chat_id: int, private: bool, start: float, until: float) -> bool:
        """Let what is booked for `start` begin as late as `until`, if there is plenty of room for it."""
        others = list(self._chats.get(chat_id, []))
        unbook(others, start)
        if self._window(private).earliest(others, until) > until:
            return False
        if self._bot is not None:
            if until - start >= self._bot.seconds:
                return False
            if self._bot.room(self._starts, until) < PLENTY * self._bot.most:
                return False
            if self._bot.earliest(self._starts, until) > until:
                return False
            book(self._starts, until)
        book(others, until)
        self._chats[chat_id] = others
        return True

    def unstretch(self, start: float, until: float, left: float) -> None:
        """What was stretched between the two has `left`: of the bot's windows it needs no more than that."""
        if self._bot is None:
            return
        self._full = (math.inf, math.inf)
        unbook(self._starts, until)
        if left > start:
            unbook(self._starts, start)
            book(self._starts, left)

    def take_back(self, chat_id: int, private: bool, start: float, until: float = 0.0) -> None:
        """A booked request was not made, and is not going to be; `until` if it was stretched."""
        super().take_back(chat_id, private, start)
        if until > start:
            super().take_back(chat_id, private, until)
