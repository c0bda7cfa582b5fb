"""The bot: intake of dumps, deliveries to chats, answers to commands.

The errors of a start are here so that the command line handles them without importing what raises them.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("kexue-bot")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0"


class SettingsError(Exception):
    """Report an invalid or missing setting in one line with its name and the fix."""


class PortUnusableError(Exception):
    """Report in one line that a port of the settings cannot be bound, with the fix."""
