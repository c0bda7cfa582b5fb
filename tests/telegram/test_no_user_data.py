"""Of those who write to the bot the library keeps nothing."""

from collections.abc import Sized

from telegram import Chat, Message, Update, User
from telegram.ext import Application, ApplicationBuilder, TypeHandler

from bot.telegram.update_parser import StatelessApplication
from tests.delivery.test_due_worker import NOON
from tests.fakes.people import FakeTelegram


async def test_keeps_nothing_of_many_people(telegram: FakeTelegram) -> None:
    builder = ApplicationBuilder().token(telegram.token).base_url(telegram.url)
    application = builder.application_class(StatelessApplication).build()
    heard = []

    async def hear(update: Update, _context: object) -> None:
        heard.append(update.update_id)

    application.add_handler(TypeHandler(Update, hear))
    async with application:
        for number in range(1, 101):
            person = User(number, "Reader", is_bot=False)
            message = Message(number, NOON, Chat(number, "private"), from_user=person, text="x")
            await application.process_update(Update(number, message=message))
    assert len(heard) == 100
    slots = [name for name in Application.__slots__ if name.startswith("_") and not name.startswith("__")]
    kept = {name: getattr(application, name, None) for name in slots}
    assert {name: held for name, held in kept.items() if isinstance(held, Sized) and len(held)} == {}
