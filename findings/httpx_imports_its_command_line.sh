#!/usr/bin/env bash
# httpx 0.28.1: `import httpx` also imports the library's own command line where click, rich and pygments happen to
# be installed, although nothing asks for it: 69 modules and 3 MB of memory in a service that
# has rich for a progress bar, and in every one that has httpx only as a dependency of another library.
# Seen: "alone: 0 modules of rich and pygments; beside rich: 69".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
cat > "$folder/count.py" <<'PROGRAM'
import sys
from importlib.metadata import version

import httpx

loaded = [name for name in sys.modules if name.partition(".")[0] in ("rich", "pygments")]
print(len(loaded), "modules of rich and pygments by httpx", version("httpx"), file=sys.stderr)
print(len(loaded))
PROGRAM
install httpx==0.28.1
alone=$("$folder/venv/bin/python" "$folder/count.py")
install rich==15.0.0 click==8.5.1
beside=$("$folder/venv/bin/python" "$folder/count.py")
echo "alone: $alone modules of rich and pygments; beside rich: $beside"
[ "$alone" -eq 0 ] && [ "$beside" -eq 69 ]
