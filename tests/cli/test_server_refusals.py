"""What a PostgreSQL refuses at a start: each is one line with the fix, exit code 2 and no secret."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import call
from tests.cli.test_start_mistakes import SECRET, TOKEN
from tests.cli.test_start_mistakes import here as here
from tests.tools.postgres import create_database, postgres_server, programs

RULES = """\
host all strict 127.0.0.1/32 scram-sha-256
hostssl all secure 127.0.0.1/32 trust
host all secure 127.0.0.1/32 reject
"""
SERVER_REFUSES = {
    "a wrong password": (
        f"strict:{SECRET}@",
        "kexue",
        'password authentication failed for user "strict"): correct',
    ),
    "no password": ("strict@", "kexue", 'password authentication failed for user "strict"): correct'),
    "a password among the options": (
        "",
        f"kexue?user=strict&password={SECRET}",
        "password authentication failed",
    ),
    "an unknown user": ("other@", "kexue", 'role "other" does not exist): correct user'),
    "an unknown database": (
        "kexue@",
        "other",
        'database "other" does not exist): correct user, password and',
    ),
    "a user without rights": ("weak@", "kexue", "or what the server grants"),
    "a server that demands TLS": ("secure@", "kexue", "no encryption): correct user"),
    "TLS of a server without it": (
        "kexue@",
        "kexue?ssl=require",
        "rejected SSL upgrade): correct them; ssl=require",
    ),
    "a certificate that is not there": (
        "kexue@",
        "kexue?ssl=verify-full",
        "with these options (root certificate",
    ),
    "a database that can only be read": ("kexue@", "readonly", "can only be read (cannot execute CREATE"),
    "a disk that is full": ("kexue@", "full", "the disk of its server is full (No space): free space there"),
    "tables of another program": (
        "kexue@",
        "foreign",
        'another program or version (relation "posts" already',
    ),
    "an encoding without Chinese": ("kexue@", "latin", "latin has the encoding LATIN1, which lacks"),
    "libpq's name of an option": ("kexue@", "kexue?sslmode=require", "the option sslmode is unknown (TLS is"),
}


ONLY_FOUND_IN_WRITING = {
    "a user without rights",
    "a database that can only be read",
    "a disk that is full",
    "tables of another program",
    "an encoding without Chinese",
}
FULL = "BEGIN RAISE EXCEPTION 'No space' USING ERRCODE = '53100'; END"
PREPARED = {
    "kexue": "CREATE USER strict PASSWORD 'x'; CREATE USER secure; CREATE USER weak",
    "readonly": "ALTER DATABASE readonly SET default_transaction_read_only = on",
    "foreign": "CREATE TABLE posts (something int)",
    "full": f"CREATE FUNCTION fail() RETURNS event_trigger LANGUAGE plpgsql AS $${FULL}$$; "
    "CREATE EVENT TRIGGER fail ON ddl_command_start EXECUTE FUNCTION fail()",
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Host and port of a server with the users of `SERVER_REFUSES`."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(admitted=RULES) as url:
        plain = url.replace("+asyncpg", "")
        latin = "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0"
        subprocess.run(["psql", "-q", plain + "postgres", "-c", latin], check=True)
        for name, prepare in PREPARED.items():
            create_database(url, name)
            subprocess.run(["psql", "-q", plain + name, "-c", prepare], check=True)
        yield url.partition("@")[2]


@pytest.mark.parametrize("name", SERVER_REFUSES)
def test_what_a_server_refuses_is_one_line_with_the_fix(here: Path, server: str, name: str) -> None:
    user, database, line = SERVER_REFUSES[name]
    settings = {
        "BOT_TOKEN": TOKEN,
        "BOT_API_URL": "http://127.0.0.1:9",
        "DATABASE_URL": f"postgresql+asyncpg://{user}{server}{database}",
    }
    ended = call(here, "run", **settings)
    assert (ended.exit_code, ended.stdout) == (2, "")
    (said,) = ended.stderr.splitlines()
    assert said.startswith("kexue-bot: DATABASE_URL: ")
    assert line in said
    assert SECRET not in said
    checked = call(here, "check", **settings)
    assert checked.exit_code == 1
    assert ("bad   database: " in checked.output) is (name not in ONLY_FOUND_IN_WRITING)
    assert SECRET not in checked.output
