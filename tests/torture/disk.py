"""A disk that fills up and turns read-only under its process: ext4 in a file, mounted for that process alone.

The mount lives in a namespace of its own and ends with the process. Needs root and loop devices.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SIZE = "48M"
MOUNT = 'mount -o loop "$0" "$1" && shift && exec "$@"'


@dataclass(slots=True)
class Disk:
    """The file, the folder where it is mounted, and the process that sees it there."""

    image: Path
    folder: Path
    pid: int = 0

    @classmethod
    def made(cls, image: Path, *content: Path) -> "Disk | None":
        """A disk with these files; None where none can be mounted."""
        folder = image.with_suffix("")
        folder.mkdir()
        for file in content:
            shutil.copy(file, folder)
        make = ["mkfs.ext4", "-q", "-F", "-m", "0", "-d", str(folder), str(image), SIZE]
        disk = cls(image, folder)
        try:
            subprocess.run(make, check=True, capture_output=True)
            subprocess.run(disk.command("true"), check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        shutil.rmtree(folder)
        folder.mkdir()
        return disk

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words`, as the process it began as, with the disk mounted."""
        return [
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", MOUNT, str(self.image), str(self.folder), *words),
        ]

    @property
    def filler(self) -> Path:
        return Path(f"/proc/{self.pid}/root{self.folder}/filler")

    def fill(self) -> None:
        """Take every free block."""
        with self.filler.open("ab") as file:
            free = os.statvfs(file.fileno())
            for size in (free.f_frsize * (free.f_bavail - 16), *[free.f_frsize] * 64):
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, max(1, size))
                except OSError:
                    return

    def turn_read_only(self) -> None:
        """Do what the kernel does after an error of the device: every write fails from now on."""
        remount = ["mount", "-o", "remount,abort", str(self.folder)]
        subprocess.run(["nsenter", "--mount", f"--target={self.pid}", *remount], check=True)

    def repair(self) -> None:
        """Check the disk, whose process has ended."""
        while subprocess.run(["losetup", "-j", self.image], check=True, capture_output=True).stdout:
            time.sleep(0.05)  # the kernel unmounts a moment after the process has gone
        done = subprocess.run(["fsck.ext4", "-p", str(self.image)], capture_output=True, text=True)
        assert done.returncode in {0, 1}, done.stdout + done.stderr

    def copy_out(self, folder: Path) -> None:
        """Copy the files in the disk's root into `folder`."""
        words = ["find", str(self.folder), "-maxdepth", "1", "-type", "f"]
        subprocess.run(self.command(*words, "-exec", "cp", "{}", str(folder), ";"), check=True)
