"""Handler of /export: the stored data of a chat, and in private of its person, as a JSON document."""

import json

from bot.chat.context import Reply, RequestContext, Services
from bot.export import VERSION, chat_record, person_record
from bot.messages import notices
from storage.database import Transaction
from storage.model import ChatKind


async def export_data(tx: Transaction, services: Services, request: RequestContext, _: str) -> Reply:
    """Return a JSON document of the chat with its topics, and in private of the person's bookmarks."""
    chats = [await chat_record(tx, one) for one in await tx.destinations.of_chat(request.chat_id)]
    person = await person_record(tx, request.reader) if request.reader is not None else None
    taken = {
        "version": VERSION,
        "taken_at": services.clock.now().isoformat(),
        "chats": chats,
        "person": person,
    }
    document = json.dumps(taken, ensure_ascii=False, indent=1).encode()
    return Reply(
        message=notices.exported(request.words, group=request.kind is not ChatKind.PRIVATE),
        document=("kexue-bot.json", document),
    )
