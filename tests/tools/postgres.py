"""A PostgreSQL server of the tests' own: in a temporary folder, as an ordinary user, on a loopback port.

Starts only where the programs of Debian's package `postgresql` are.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin",)
MakeUrl = Callable[[], str]  # of a new, empty database

ORDINARY = "postgres"  # the package makes this user; the server refuses to run as root


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/").glob(PLACES[0].lstrip("/")))
    return versions[-1] if versions else None


@contextmanager
def postgres_server(*, durable: bool = False, admitted: str = "") -> Iterator[str]:
    """A running server; yields an address to which a database's name is to be appended.

    A `durable` one has the settings of an installation; the others lose data with the machine's power.
    `admitted` are lines of pg_hba.conf, which come first.
    """
    binaries = programs()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="kexue-postgres-"))
    as_user = ["runuser", "-u", ORDINARY, "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, ORDINARY)
    port = free_port()
    data = folder / "data"
    quick = "-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    options += "" if durable else f" {quick}"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    try:
        _run([*as_user, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "kexue"])
        rules = data / "pg_hba.conf"
        rules.write_text(admitted + rules.read_text())
        _run([*control, "-o", options, "start"])
        try:
            yield f"postgresql+asyncpg://kexue@127.0.0.1:{port}/"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_database(server: str, name: str) -> str:
    """Make a new, empty database on the server; returns its address."""
    port = server.rsplit(":", 1)[1].rstrip("/")
    binaries = programs()
    _run(
        [str((binaries or Path("/usr/bin")) / "createdb"), "-h", "127.0.0.1", "-p", port, "-U", "kexue", name]
    )
    return server + name


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=60)


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
