"""Which version this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("kexue-bot")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0"
