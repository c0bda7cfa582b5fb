"""Reproducible archive of an image: without the names that its builder invented, with fixed times.

`python tests/tools/image_archive.py SAVED OUT` takes an archive of `docker save` or `podman save`. What it
writes is for `docker load` and `podman load`: two builds of the same files give the same bytes.
`--differences FIRST SECOND` prints which parts of two such archives differ.
"""

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

# buildah gives its working container a random name and writes it into images of Docker's format, which alone
# keeps the health check; BuildKit writes none, and an image of OCI's format has no such fields.
NAMES = (("container",), ("container_config", "Hostname"), ("config", "Hostname"))


def publish(saved: Path, out: Path) -> str:
    """Write the archive of `saved` without `NAMES` and return the digest of its image."""
    with tarfile.open(saved) as tar, tarfile.open(out, "w") as target:
        manifest, config = _parts(tar)
        for *path, name in NAMES:
            holder = config
            for step in path:
                holder = holder.get(step, {})
            holder.pop(name, None)
        text = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
        digest, layers = hashlib.sha256(text).hexdigest(), list[str]()
        for layer in manifest["Layers"]:
            member = tar.getmember(layer)
            while member.issym() or member.islnk():  # the same layer twice
                member = tar.getmember(str(Path(member.name).parent / member.linkname))
            content = tar.extractfile(member)
            assert content is not None, layer
            name = f"{_sha256(content)}.tar"
            if name not in layers:
                content.seek(0)
                _add(target, name, content, member.size)
            layers.append(name)
        _add(target, f"{digest}.json", io.BytesIO(text), len(text))
        listed = [{"Config": f"{digest}.json", "RepoTags": manifest.get("RepoTags"), "Layers": layers}]
        listing = json.dumps(listed, sort_keys=True).encode()
        _add(target, "manifest.json", io.BytesIO(listing), len(listing))
    return digest


def _sha256(content: IO[bytes]) -> str:
    found = hashlib.sha256()
    while block := content.read(1 << 20):
        found.update(block)
    return found.hexdigest()


def _parts(tar: tarfile.TarFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the manifest and the configuration of the only image of an archive."""

    def content(name: str) -> Any:
        file = tar.extractfile(name)
        assert file is not None, name
        return json.load(file)

    (manifest,) = content("manifest.json")
    return manifest, content(manifest["Config"])


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    tar.addfile(entry, content)


def differences(first: Path, second: Path) -> list[str]:
    """Return what differs between two published archives of the same name."""
    read = []
    for archive in (first, second):
        with tarfile.open(archive) as tar:
            manifest, config = _parts(tar)
            read.append({"layers": manifest["Layers"]} | dict(_fields(config)))
    one, other = read
    return [path for path in sorted({*one, *other}) if one.get(path) != other.get(path)]


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from _fields(inner, f"{path}.{name}" if path else name)


def main(words: list[str]) -> None:
    if words[0] == "--differences":
        sys.stdout.write(", ".join(differences(Path(words[1]), Path(words[2]))) + "\n")
    else:
        sys.stdout.write(f"{publish(Path(words[0]), Path(words[1]))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
