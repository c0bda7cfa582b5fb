"""Journeys: eight walks through the bot, in both languages, as their golden transcripts say."""

import pytest

from tests.end_to_end.journeys.scripts import JOURNEYS, file_of, play


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", JOURNEYS)
async def test_a_journey_reads_as_its_transcript(name: str, language: str) -> None:
    assert await play(JOURNEYS[name], language) == file_of(name, language).read_text(encoding="utf-8")
