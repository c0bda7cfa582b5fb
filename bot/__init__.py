"""The bot: intake of dumps, deliveries to chats, answers to commands."""
