"""Persistence of posts, chats and deliveries."""
