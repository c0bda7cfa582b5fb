"""Address of a database: its accepted forms, and the reason why the database there cannot be used."""

import os
import re
from errno import EDQUOT, ENOSPC
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from storage import UnusableDatabaseError

POOLER = "pooler"  # the query parameter of a URL, and the execution option of its engine (storage/pooler.py)
SQLITE, POSTGRESQL = "sqlite+aiosqlite", "postgresql+asyncpg"
OPTIONS = frozenset(
    {"host", "port", "user", "password", "passfile", "ssl", "target_session_attrs", POOLER}
    | {"prepared_statement_cache_size"}
)  # of an address: of the driver's, those that are texts; and SQLAlchemy's
LAST_PORT = 65_535
FORMS = f"{SQLITE}:///path/to/file.db or {POSTGRESQL}://user:password@host/name"


def checked_url(url: str | URL) -> URL:
    """Return the parsed address of a database. Raises UnusableDatabaseError for other forms than FORMS."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnusableDatabaseError(f"this is not the address of a database: write {FORMS}") from None
    match parsed.drivername.partition("+")[0]:
        case "sqlite":
            file = parsed.database or ""
            if parsed.drivername != SQLITE:
                wrong = f"the address of an SQLite file begins with {SQLITE}:///"
            elif parsed.host or not file or file.endswith("/") or file.startswith((":memory:", "file:")):
                wrong = "this address names no file"
            elif parsed.query:
                wrong = "options after the ? are not supported"
            else:
                return parsed
        case "postgresql" | "postgres":
            if parsed.drivername != POSTGRESQL:
                wrong = f"the address of a PostgreSQL begins with {POSTGRESQL}://"
            elif not parsed.host and "host" not in parsed.query:
                wrong = "this address names no server"
            elif "@" in (parsed.host or ""):
                wrong = "a @ in the password is written %40"
            elif (parsed.port or 1) > LAST_PORT:
                wrong = "the port is too high"
            elif unknown := parsed.query.keys() - OPTIONS:
                wrong = f"the option {min(unknown)} is unknown (TLS is demanded with ?ssl=require)"
            else:
                return parsed
        case _:
            wrong = "only SQLite and PostgreSQL are supported"
    raise UnusableDatabaseError(f"{wrong}: write {FORMS}")


REFUSED = "refuses this user", "correct user, password and database name, or what the server grants"
FOREIGN = "holds tables of another program or version", "give the bot a database of its own"
# By SQLSTATE or its class (PostgreSQL's documentation, appendix A).
SERVER_FAULTS = {
    "28": REFUSED,  # authorization
    "3D": REFUSED,  # unknown database
    "3F": REFUSED,  # unknown schema
    "42501": REFUSED,  # privileges
    "42P07": FOREIGN,  # a table is there already
    "42710": FOREIGN,  # an index is
    "42P01": FOREIGN,  # a table is missing
    "42703": FOREIGN,  # a column is
    "25006": ("can only be read", "give the address of the primary server, or let this user write"),
    "53100": ("cannot be written, the disk of its server is full", "free space there"),
    "53300": ("has no free connection", "raise its limit of connections, or stop a replica"),
}


def reason_of(url: str | URL, error: Exception) -> str:
    """Return the reason why the database at `url` cannot be used, with the fix and without its password."""
    parsed = make_url(url)
    shown = parsed.set(query={}).render_as_string(hide_password=True)  # a password may be an option
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    other = "or set DATABASE_URL to another"
    if parsed.drivername != SQLITE:
        state = str(getattr(cause, "sqlstate", None) or "")
        if fault := next((SERVER_FAULTS[key] for key in (state, state[:2]) if key in SERVER_FAULTS), None):
            return f"the database {shown} {fault[0]} ({text}): {fault[1]}"
        if isinstance(cause.__cause__ or cause, ValueError) or "SSL" in text:
            fix = "correct them; ssl=require demands TLS of a server that has it"
            return f"the database {shown} cannot be asked with these options ({text}): {fix}"
        fix = f"start the server, correct host and port, {other}"
        return f"the database {shown} does not answer ({text}): {fix}"
    if is_disk_full(Path(parsed.database or ""), cause):
        return f"the database {shown} cannot be written, its disk is full ({text}): free space there, {other}"
    if "malformed" in text or "not a database" in text:
        return f"the database {shown} is damaged ({text}): put a backup in its place, {other}"
    if "locked" in text:
        return f"the database {shown} is locked by another program ({text}): close that program, {other}"
    if re.search(r"already exists|no such (table|column)", text):
        return f"the database {shown} {FOREIGN[0]} ({text}): {FOREIGN[1]}"
    return (
        f"the database {shown} cannot be written ({text}): "
        f"see that this user may write to the file and to its folder, {other}"
    )


def is_disk_full(file: Path, error: BaseException) -> bool:
    """Return whether `error`, raised while writing the SQLite file, comes from a lack of space."""
    if isinstance(error, OSError):
        return error.errno in {ENOSPC, EDQUOT}
    text = str(error)
    if "disk I/O" not in text:
        return "full" in text
    try:
        return os.statvfs(file.parent).f_bavail == 0  # SQLite's error for its shared memory on a full disk
    except OSError:
        return False
