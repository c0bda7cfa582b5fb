"""Comparison of two builds of an image: layers byte by byte, the configuration field by field.

`python tests/tools/image_archive.py FIRST SECOND` takes archives of `docker save` or `podman save`; it prints
what both have, or what differs, with exit code 1.
"""

import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# buildah gives its working container a random name and writes it into images of Docker's format, which alone
# keeps the health check; BuildKit writes none, and an image of OCI's format has no such fields.
NAMES = ("container", "container_config.Hostname", "config.Hostname")


@dataclass(frozen=True, slots=True)
class Image:
    """Digests of the layers' content, and every field of the configuration by its path."""

    layers: tuple[str, ...]
    config: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the configuration without `NAMES`."""
        kept = {path: value for path, value in self.config.items() if path not in NAMES}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def read(archive: Path) -> Image:
    with tarfile.open(archive) as tar:

        def content(name: str) -> Any:
            file = tar.extractfile(name)
            assert file is not None, name
            return file

        manifest = json.load(content("manifest.json"))[0]
        layers = tuple(
            hashlib.file_digest(content(name), "sha256").hexdigest() for name in manifest["Layers"]
        )
        return Image(layers, dict(fields(json.load(content(manifest["Config"])))))


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from fields(inner, f"{path}.{name}" if path else name)


def differences(first: Image, second: Image) -> list[str]:
    """Return what differs, apart from `NAMES`."""
    paths = sorted({*first.config, *second.config} - {*NAMES})
    found = [
        f"the configuration's {path}" for path in paths if first.config.get(path) != second.config.get(path)
    ]
    return [*(["layers"] if first.layers != second.layers else []), *found]


def main() -> None:
    first, second = (read(Path(name)) for name in sys.argv[1:3])
    if found := differences(first, second):
        sys.exit(f"these differ: {', '.join(found)}")
    named = [name for name in NAMES if first.config.get(name) != second.config.get(name)]
    but = f", but for the builder's own {', '.join(named)}" if named else ""
    sys.stdout.write(f"layers {', '.join(first.layers)}, configuration {first.digest}{but}\n")


if __name__ == "__main__":
    main()
