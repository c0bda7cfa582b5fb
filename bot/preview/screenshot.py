"""Screenshot of a page, taken with a headless Chromium of this machine."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
TIMEOUT_SECONDS: Final = 60.0
_SIZE = re.compile(r'<html[^>]* data-size="(\d+)x(\d+)"')
# The size is measured first, because a screenshot has the size of the window, not of the page.
_MEASURE = (
    "<script>document.documentElement.dataset.size = "
    "document.body.scrollWidth + 'x' + document.body.scrollHeight</script>"
)


class NoPictureError(Exception):
    """Error for a failed screenshot; the text gives the reason and the fix."""


def find() -> str | None:
    """Return the path of the first installed browser that can take a screenshot."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def take_picture(page: str, out: Path, *, scale: int = 2) -> None:
    """Write `page` as a PNG with `scale` device pixels per CSS pixel. Raises NoPictureError."""
    browser = find()
    if browser is None:
        raise NoPictureError(
            "a picture needs Chromium or Chrome, which is not installed: "
            "install it, or ask for a page with --out FILE.html"
        )
    with tempfile.TemporaryDirectory(prefix="kexue-preview-") as folder:
        source = Path(folder) / "page.html"
        source.write_text(page.replace("</body>", f"{_MEASURE}</body>"), encoding="utf-8")
        common = [
            browser,
            "--headless",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/user",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            common.append("--no-sandbox")  # Chromium refuses to run as root with its sandbox
        address = source.as_uri()
        measured = _SIZE.search(_run([*common, "--window-size=1000,800", "--dump-dom", address]))
        if measured is None:
            raise NoPictureError(f"{browser} did not report the size of the page")
        window = f"--window-size={measured[1]},{measured[2]}"
        shot = Path(folder) / "page.png"
        _run([*common, window, f"--force-device-scale-factor={scale}", f"--screenshot={shot}", address])
        if not shot.exists():
            raise NoPictureError(f"{browser} took no picture")
        shutil.copyfile(shot, out)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)  # noqa: S603 - found above
    except subprocess.SubprocessError as error:
        raise NoPictureError(f"{command[0]} failed: {error}") from error
    return done.stdout.decode("utf-8", "replace")
