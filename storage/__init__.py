"""What is remembered: posts, chats and the duties between them. Knows nothing of Telegram or of dumps."""
