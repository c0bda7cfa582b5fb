"""Errors of the database that the operator can correct."""


class UnusableDatabaseError(Exception):
    """Report a database that cannot be used, with the cause and the fix and without its password."""
