"""Persistence of posts, chats and deliveries."""


class UnusableDatabaseError(Exception):
    """Report a database that cannot be used, with the cause and the fix and without its password."""
