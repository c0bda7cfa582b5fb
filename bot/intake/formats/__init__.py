"""Dump parsers: bytes to sightings, one parser for each layout, chosen by content."""

from bot.intake.formats.containers import unpack
from bot.intake.formats.detect import read_dump
from bot.intake.formats.result import ParsedDump, UnreadableDumpError
from bot.intake.formats.text import MAX_BYTES

__all__ = ["MAX_BYTES", "ParsedDump", "UnreadableDumpError", "read_dump", "unpack"]
