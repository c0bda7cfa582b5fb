"""The bot: dumps of the blog in, messages to chats out. Knows storage; storage never knows it."""
