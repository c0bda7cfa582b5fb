"""When requests really left, and the times given to those that found no room when they came to leave.

Bookings are a plan, and a plan may be met late. This is what a server counts: only what has left takes up
room here, and whoever is there first uses it, so that a late one costs nothing but its own lateness.
"""

from bisect import bisect_left, insort

from bot.delivery.windows import Window, book, unbook


class Departures:
    """Of one bot, by the seconds of one clock. `window` is kept whatever was planned; None keeps nothing."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self._left: list[float] = []
        self._waiting: list[tuple[float, float, int]] = []  # until when, when it was planned, its chat

    def opens(self, now: float, at: float) -> float:
        """`at` if that is `now` and one more may leave; else the first time from then on that none awaits."""
        if self.window is None or (at <= now and self.window.room(self._left, now)):
            return at
        awaited = [until for until, _, _ in self._waiting if until > now]
        return self.window.earliest(sorted(self._left + awaited), at)

    def leave(self, now: float) -> None:
        if self.window is not None:
            self.window.forget(self._left, now)
            book(self._left, now)

    def stay(self, left: float) -> None:
        """What was to leave at `left` has not."""
        unbook(self._left, left)

    def wait(self, until: float, planned: float, chat_id: int) -> None:
        """It asks again then."""
        insort(self._waiting, (until, planned, chat_id))

    def awaited_by(self, chat_id: int) -> list[float]:
        """Until when the chat's requests wait that have not asked again, however late they are."""
        return [until for until, _, waiting in self._waiting if waiting == chat_id]

    def waited(self, until: float, chat_id: int) -> float | None:
        """When that request of the chat was planned, which waits no more; None if none waits until then."""
        index = bisect_left(self._waiting, (until,))
        while index < len(self._waiting) and self._waiting[index][0] == until:
            if self._waiting[index][2] == chat_id:  # another chat's may wait until the very same time
                return self._waiting.pop(index)[1]
            index += 1
        return None

    def forget(self, before: float) -> None:
        """Drop those that waited until before then and never asked again."""
        del self._waiting[: bisect_left(self._waiting, (before,))]
