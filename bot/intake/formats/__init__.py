"""Bytes become sightings: a pure parser for each layout, chosen by content. Knows no storage, no sources."""

from bot.intake.formats.detect import read_dump
from bot.intake.formats.result import ParsedDump, UnreadableDumpError
from bot.intake.formats.text import MAX_BYTES

__all__ = ["MAX_BYTES", "ParsedDump", "UnreadableDumpError", "read_dump"]
