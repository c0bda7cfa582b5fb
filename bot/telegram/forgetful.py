"""The library's Application without its notes for a persistence that nobody has.

It notes every chat and every person ever heard of, to write their data down some day; here all data are rows.
"""

from typing import Any

from telegram.ext import Application


class ForgetfulApplication(Application[Any, Any, Any, Any, Any, Any]):
    __slots__ = ()

    def _mark_for_persistence_update(
        self, *, update: object | None = None, job: object | None = None
    ) -> None:
        """Nothing is noted."""
