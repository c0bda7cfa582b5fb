"""/stats: a picture where one can be drawn and is wanted, else the same figures as text."""

import asyncio

from bot.archive.figures import archive_figures
from bot.chat.asker import Answer, Asker
from bot.chat.desk import Desk
from bot.messages import notices
from bot.messages.charts import can_draw, draw
from bot.messages.figures import stats, summary


async def show_figures(desk: Desk, asker: Asker) -> Answer:
    """The text goes where the picture cannot."""
    figures = await desk.database.read(archive_figures)
    if not figures.posts:
        return Answer(message=notices.archive_empty(asker.words))
    said = stats(figures, asker.words, bot=desk.bot)
    if not (asker.preferences.pictures and can_draw()):
        return Answer(message=said)
    png = await asyncio.to_thread(draw, figures, asker.words.language)
    return Answer(message=said, picture=(png, summary(figures, asker.words)))
