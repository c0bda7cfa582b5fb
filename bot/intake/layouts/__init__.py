"""Bytes become sightings: a pure parser for each layout, chosen by content. Knows no storage, no sources."""

from bot.intake.layouts.detection import read_dump
from bot.intake.layouts.reading import Reading, Unreadable
from bot.intake.layouts.text import MAX_BYTES

__all__ = ["MAX_BYTES", "Reading", "Unreadable", "read_dump"]
