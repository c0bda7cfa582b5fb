"""Rich content of an inline result, for which python-telegram-bot 22 has no type (Bot API 10.1)."""

from collections.abc import Mapping

from telegram import InputMessageContent


class InputRichMessageContent(InputMessageContent):
    """`rich_message` is an `InputRichMessage` as JSON."""

    __slots__ = ("rich_message",)

    def __init__(self, rich_message: Mapping[str, object]) -> None:
        super().__init__()
        with self._unfrozen():
            self.rich_message = dict(rich_message)
