"""Errors of a start that the operator can correct.

Kept apart from the modules that raise them so that the command line handles them without importing those.
"""


class SettingsError(Exception):
    """Report an invalid or missing setting in one line with its name and the fix."""


class PortUnusableError(Exception):
    """Report in one line that HTTP_HOST and HTTP_PORT cannot be bound, with the fix."""
