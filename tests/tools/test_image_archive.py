"""The archive of an image that is published: what two builds may differ in."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.tools.image_archive import differences, publish

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
        ({"created": "2026-01-01T00:00:01Z"}, b"files", ["created"]),
        ({"history": []}, b"files", ["history"]),
        (
            {"container_config": {"Hostname": "a", "Env": []}},
            b"files",
            ["container_config", "container_config.Env"],
        ),
        (
            {"config": {"Hostname": "b", "Env": ["A=2"], "Volumes": {"/data": {}, "/etc": {}}}},
            b"files",
            ["config.Env", "config.Volumes./etc"],
        ),
    ],
)
def test_two_builds_give_the_same_bytes_but_for_what_really_differs(
    tmp_path: Path, changed: dict[str, Any], layer: bytes, found: list[str]
) -> None:
    first, second = tmp_path / "first.image", tmp_path / "second.image"
    publish(saved(tmp_path / "first.tar", CONFIG), first)
    publish(saved(tmp_path / "second.tar", CONFIG | changed, layer), second)
    assert differences(first, second) == found
    assert (first.read_bytes() == second.read_bytes()) == (not found)


def test_the_archive_names_its_parts_by_their_digests(tmp_path: Path) -> None:
    out = tmp_path / "out.image"
    digest = publish(saved(tmp_path / "saved.tar", CONFIG), out)
    with tarfile.open(out) as tar:
        names = tar.getnames()
        config = json.load(tar.extractfile(f"{digest}.json") or io.BytesIO())
    assert names == [f"{hashlib.sha256(b'files').hexdigest()}.tar", f"{digest}.json", "manifest.json"]
    assert config == {
        "config": {"Env": ["A=1"], "Volumes": {"/data": {}}},
        "container_config": {},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    }
