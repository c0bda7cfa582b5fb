"""Golden: what each sample dump shows, plain and compressed, whatever its file is called."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.intake.formats.samples import EXPECTED, SAMPLES, as_json, read


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_gives_its_expected_sightings(sample: Path) -> None:
    reading = read(sample.read_bytes())
    assert [as_json(sighting) for sighting in reading.sightings] == EXPECTED[sample.name]["sightings"]
    assert reading.format == EXPECTED[sample.name]["layout"]
    assert reading.notes == ()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_compressed_sample_gives_the_same(sample: Path) -> None:
    content = sample.read_bytes()
    assert read(gzip.compress(content), name="x.txt") == read(content, name="y.xml")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte-order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: text.replace("\n", "\r").encode(), id="CR"),
        pytest.param(lambda text: text.encode() + b"\n", id="newline at the end"),
        pytest.param(lambda text: text.replace("示例", "示\x00\x08例").encode(), id="control characters"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16"),
    ],
)
def test_a_variant_of_the_bytes_changes_nothing(sample: Path, variant: Callable[[str], bytes]) -> None:
    text = sample.read_text()
    assert read(variant(text)).sightings == read(text).sightings


def test_every_sample_is_expected_and_no_other() -> None:
    assert {sample.name for sample in SAMPLES} == set(EXPECTED)
