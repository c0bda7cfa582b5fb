"""A PgBouncer of the tests' own in front of a database, on a loopback port; Debian's package `pgbouncer`."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.tools.postgres import ORDINARY, free_port


def program() -> str | None:
    """Return the path of PgBouncer; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin")


@contextmanager
def pgbouncer(url: str, mode: str, *, connections: int = 3) -> Iterator[str]:
    """Run PgBouncer in this pool mode with so many connections; yield the address of the same database."""
    binary, target = program(), make_url(url)
    if binary is None:
        raise RuntimeError("PgBouncer is not installed: apt-get install pgbouncer")
    folder, port = Path(tempfile.mkdtemp(prefix="kexue-pgbouncer-")), free_port()
    users = folder / "users.txt"
    users.write_text(f'"{target.username}" ""\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={target.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {users}\npool_mode = {mode}\ndefault_pool_size = {connections}\n"
        f"max_client_conn = 200\nlogfile = {folder / 'log'}\n"
    )
    command = [binary, str(settings)]
    if os.geteuid() == 0:
        for path in (folder, users, settings):
            shutil.chown(path, ORDINARY)
        command = ["runuser", "-u", ORDINARY, "--", *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield target.set(port=port).render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _await_port(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
