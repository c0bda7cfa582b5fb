"""Two archives of an image: what counts as a difference."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.tools.image_archive import differences, read

CONFIG: dict[str, Any] = {
    "container": "1",
    "config": {"Hostname": "a", "Env": ["A=1"], "Volumes": {"/data": {}}},
    "container_config": {"Hostname": "a"},
    "history": [{"created": "2026-01-01T00:00:00Z"}],
}


def saved(file: Path, config: dict[str, Any], layer: bytes = b"files") -> Path:
    manifest = [{"Config": "c.json", "Layers": ["l.tar"]}]
    with tarfile.open(file, "w") as tar:
        for name, content in (
            ("c.json", json.dumps(config).encode()),
            ("l.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


@pytest.mark.parametrize(
    ("changed", "layer", "found"),
    [
        ({}, b"files", []),
        ({"container": "2", "container_config": {"Hostname": "b"}}, b"files", []),
        ({}, b"other", ["layers"]),
        ({"created": "2026-01-01T00:00:01Z"}, b"files", ["the configuration's created"]),
        ({"history": []}, b"files", ["the configuration's history"]),
        (
            {"container_config": {"Hostname": "a", "Env": []}},
            b"files",
            ["the configuration's container_config.Env"],
        ),
        (
            {"config": {"Hostname": "b", "Env": ["A=2"], "Volumes": {"/data": {}, "/etc": {}}}},
            b"files",
            ["the configuration's config.Env", "the configuration's config.Volumes./etc"],
        ),
    ],
)
def test_everything_counts_but_the_builders_names(
    tmp_path: Path, changed: dict[str, Any], layer: bytes, found: list[str]
) -> None:
    first = read(saved(tmp_path / "first.tar", CONFIG))
    second = read(saved(tmp_path / "second.tar", CONFIG | changed, layer))
    assert differences(first, second) == found
    assert (first.layers, first.digest) == (second.layers, second.digest) or found
