"""Mistakes of a start: each is one line with the fix, exit code 2 and no secret; `check` creates nothing."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import env_file
from tests.cli.program import PROGRAM, call, environment

SECRET = "secretsecret"
TOKEN = "1:" + "x" * 35
Prepare = Callable[[Path], object]


def nothing(_folder: Path) -> None:
    """The folder as it is."""


def file(name: str, content: bytes) -> Prepare:
    return lambda folder: (folder / name).write_bytes(content)


def link(name: str, target: str) -> Prepare:
    return lambda folder: (folder / name).symlink_to(target)


def pipe(name: str) -> Prepare:
    return lambda folder: os.mkfifo(folder / name)


def made(name: str) -> Prepare:
    return lambda folder: (folder / name).mkdir()


def a_copy(folder: Path) -> None:
    (folder / "copies").mkdir()
    (folder / "copies" / "kexue-20250301T033000Z.db").write_bytes(b"x")


BY_FILE = {"BOT_TOKEN": "", "BOT_TOKEN_FILE": "token"}
FORMS = "write sqlite+aiosqlite:///path/to/file.db or postgresql+asyncpg://user:password@host/name"
MISTAKES: dict[str, tuple[dict[str, str], Prepare, str]] = (
    {
        f"DATABASE_URL {url or 'empty'}": ({"DATABASE_URL": url}, nothing, f"DATABASE_URL: {wrong}: {FORMS}")
        for url, wrong in {
            "": "this is not the address of a database",
            "kexue.db": "this is not the address of a database",
            "/data/kexue.db": "this is not the address of a database",
            f"postgresql+asyncpg://u:{SECRET}@[::1/d": "this is not the address of a database",
            f"postgresql+asyncpg://u:{SECRET}@h:x/d": "this is not the address of a database",
            "sqlite:///kexue.db": "the address of an SQLite file begins with sqlite+aiosqlite:///",
            "sqlite+aiosqlite://": "this address names no file",
            "sqlite+aiosqlite:///": "this address names no file",
            "sqlite+aiosqlite:///:memory:": "this address names no file",
            "sqlite+aiosqlite:///file:kexue.db?uri=true": "this address names no file",
            "sqlite+aiosqlite://data/kexue.db": "this address names no file",
            "sqlite+aiosqlite:///data/": "this address names no file",
            " sqlite+aiosqlite:///kexue.db": "this is not the address of a database",
            "SQLITE+AIOSQLITE:///kexue.db": "only SQLite and PostgreSQL are supported",
            "sqlite+aiosqlite:///kexue.db?mode=ro": "options after the ? are not supported",
            f"postgres://u:{SECRET}@h/d": "the address of a PostgreSQL begins with postgresql+asyncpg://",
            f"postgresql://u:{SECRET}@h/d": "the address of a PostgreSQL begins with postgresql+asyncpg://",
            f"postgresql+pg8000://u:{SECRET}@h/d": "the address of a PostgreSQL begins with postgresql+asyncpg://",
            f"postgresql+psycopg2://u:{SECRET}@h/d": "the address of a PostgreSQL begins with postgresql+asyncpg://",
            "postgresql+asyncpg://": "this address names no server",
            f"postgresql+asyncpg://u:{SECRET[:6]}@{SECRET}@h/d": "a @ in the password is written %40",
            f"postgresql+asyncpg://u:{SECRET}@h:99999/d": "the port is too high",
            f"mysql://u:{SECRET}@h/d": "only SQLite and PostgreSQL are supported",
        }.items()
    }
    | {
        "a server that is off": (
            {"DATABASE_URL": f"postgresql+asyncpg://u:{SECRET}@127.0.0.1:9/d"},
            nothing,
            "does not answer ([Errno 111] Connect call failed ('127.0.0.1', 9)): start the server, correct",
        ),
        "a folder for a database": (
            {"DATABASE_URL": "sqlite+aiosqlite:///data"},
            made("data"),
            "this user may write to the file",
        ),
        "a name of a database that is too long": (
            {"DATABASE_URL": f"sqlite+aiosqlite:///{'x' * 300}"},
            nothing,
            "File name too long",
        ),
        "a text for a database": (
            {"DATABASE_URL": "sqlite+aiosqlite:///text"},
            file("text", b"no database" * 500),
            "the database text is damaged (file is not a database)",
        ),
        ".env in UTF-16 without a mark": (
            {},
            file(".env", "HTTP_PORT=1".encode("utf-16-le")),
            ".env is not UTF-8",
        ),
        ".env that is a link to nothing": ({}, link(".env", "none"), ".env cannot be read (No such file"),
        ".env that is a link to itself": ({}, link(".env", ".env"), ".env cannot be read (Too many levels"),
        ".env in UTF-16": ({}, file(".env", "HTTP_PORT=1".encode("utf-16")), ".env is not UTF-8"),
        ".env in GB 18030": ({}, file(".env", "X=1 # 中文".encode("gb18030")), ".env is not UTF-8"),
        ".env that is a folder": (
            {},
            made(".env"),
            ".env cannot be read (Is a directory): see that it is a file",
        ),
        ".env that is a pipe without a writer": (
            {},
            pipe(".env"),
            ".env cannot be read (no program writes to this pipe)",
        ),
        ".env without an end": ({}, link(".env", "/dev/zero"), ".env cannot be read (it is too large)"),
        "SITE_FILE that is a pipe without a writer": (
            {"SITE_FILE": "site"},
            pipe("site"),
            "SITE_FILE site cannot be read (no program writes to this pipe)",
        ),
        "SERIES_FILE without an end": (
            {"SERIES_FILE": "/dev/zero"},
            nothing,
            "SERIES_FILE /dev/zero cannot be read (it is too large)",
        ),
        "a token file that is a pipe without a writer": (
            BY_FILE,
            pipe("token"),
            "BOT_TOKEN_FILE cannot be read (no program writes to this pipe)",
        ),
        ".env with a byte order mark is read": (
            {},
            file(".env", "\ufeffHTTP_PORT=70000".encode()),
            "HTTP_PORT",
        ),
        "a token file in UTF-16": (
            BY_FILE,
            file("token", TOKEN.encode("utf-16")),
            "BOT_TOKEN_FILE is not UTF-8",
        ),
        "a token file without an end": (
            {"BOT_TOKEN": "", "BOT_TOKEN_FILE": "/dev/zero"},
            nothing,
            "BOT_TOKEN_FILE cannot be read (it is too large)",
        ),
        "a token in quotes": ({"BOT_TOKEN": f"'{TOKEN}'"}, nothing, "BOT_TOKEN does not look like a token"),
        "an empty token file": (BY_FILE, file("token", b"\xef\xbb\xbf \n"), "BOT_TOKEN_FILE is empty"),
        "a token file that Docker made a folder": (
            BY_FILE,
            made("token"),
            "BOT_TOKEN_FILE cannot be read (Is a directory)",
        ),
        "a token file that is not there": (BY_FILE, nothing, "BOT_TOKEN_FILE cannot be read (No such file"),
        "a webhook secret with other characters": (
            {"WEBHOOK_URL": "https://bot.example.org/", "WEBHOOK_SECRET": f"{SECRET}!"},
            nothing,
            "WEBHOOK_SECRET has other characters",
        ),
        "a webhook without https": (
            {"WEBHOOK_URL": "http://bot.example.org/", "BOT_API_URL": "https://api.telegram.org"},
            nothing,
            "WEBHOOK_URL must begin with https",
        ),
        "a webhook at a port that Telegram does not use": (
            {"WEBHOOK_URL": "https://bot.example.org:444/", "BOT_API_URL": "https://api.telegram.org"},
            nothing,
            "WEBHOOK_URL names port 444: Telegram sends updates to 443, 80, 88 and 8443 only",
        ),
        "a webhook without a host": (
            {"WEBHOOK_URL": "https://"},
            nothing,
            "WEBHOOK_URL=https://: write an https address",
        ),
        "DUMP_DIR that is a link to the root": (
            {"DUMP_DIR": "link"},
            link("link", "/"),
            "DUMP_DIR is the root of all",
        ),
        "DUMP_DIR of the system": ({"DUMP_DIR": "/proc/self/fd"}, nothing, "belongs to the system"),
        "DUMP_DIR that is a file": (
            {"DUMP_DIR": "file"},
            file("file", b""),
            "DUMP_DIR file cannot be made (File exists",
        ),
        "DUMP_DIR below a file": (
            {"DUMP_DIR": "file/x"},
            file("file", b""),
            "DUMP_DIR file/x cannot be made (Not a dir",
        ),
        "DUMP_DIR that is a link to itself": (
            {"DUMP_DIR": "link"},
            link("link", "link"),
            "leads back to itself",
        ),
        "DUMP_DIR above the folder": ({"DUMP_DIR": ".."}, nothing, "holds the database"),
        "DUMP_DIR that is empty": ({"DUMP_DIR": ""}, nothing, "write a folder"),
        "DUMP_DIR that is BACKUP_DIR": (
            {"DUMP_DIR": "c", "BACKUP_DIR": "c"},
            nothing,
            "/c): name one that holds dumps only",
        ),
        "BACKUP_DIR that is a link to itself": (
            {"BACKUP_DIR": "link"},
            link("link", "link"),
            "leads back to itself",
        ),
        "BACKUP_DIR that leads into DUMP_DIR": (
            {"BACKUP_DIR": "link"},
            link("link", "dumps/c"),
            "/dumps/c): name one that holds dumps only",
        ),
        "DUMP_DIR that is the root": ({"DUMP_DIR": "/"}, nothing, "DUMP_DIR is the root of all folders"),
        "DUMP_DIR that holds the database": ({"DUMP_DIR": "."}, nothing, "holds the database"),
        "DUMP_DIR that holds the database through a link": (
            {"DUMP_DIR": "link"},
            lambda folder: (folder / "link").symlink_to(folder),
            "holds the database",
        ),
        "DUMP_DIR that holds the backups": (
            {"BACKUP_DIR": "dumps/copies"},
            nothing,
            "/dumps/copies): name one that holds dumps only",
        ),
        "a database that is gone although there are copies": (
            {"BACKUP_DIR": "copies", "DATABASE_URL": "sqlite+aiosqlite:///kexue.db"},
            a_copy,
            (
                "the database kexue.db is gone, but copies has 1 copies of it: put the newest back with "
                "`kexue-bot restore copies/kexue-20250301T033000Z.db`, or begin a new one with --new"
            ),
        ),
        "BACKUP_DIR that is a file": (
            {"BACKUP_DIR": "copies"},
            file("copies", b""),
            "BACKUP_DIR copies cannot be written",
        ),
    }
    | {
        f"a token file of {content!r}": (
            BY_FILE,
            file("token", content.encode()),
            "BOT_TOKEN does not look like a token",
        )
        for content in ("1: abc\n", f"{TOKEN}\r\n{TOKEN}\r\n", f"BOT_TOKEN={TOKEN}")
    }
    | {
        f"{name} {url}": (
            {name: url},
            nothing,
            f"{name}={'an invalid address' if '[' in url else url}: {fix}",
        )
        for name, scheme, fix in (
            ("WEBHOOK_URL", "https", "write an https address"),
            ("BOT_API_URL", "http", "write an address such as https://api.telegram.org"),
            ("WEB_URL", "https", "Telegram opens https addresses only"),
        )
        for url in (
            f"{scheme}://h:70000",
            f"{scheme}://h:x",
            f"{scheme}://[::1",
            f"{scheme}://a b",
            "ws://h",
            "h",
        )
    }
    | {
        f"PROXY_URL {url}": (
            {"PROXY_URL": url},
            nothing,
            "PROXY_URL=***: write the address of an HTTP proxy such as",
        )
        for url in (
            f"http://u:{SECRET}@h:x",
            f"{SECRET}:3128",
            f"socks5://a:{SECRET}@x:1",
            "http://",
            "http://x:99999",
            "http://x:0",
            "http://[::1",
            "http://a b:1",
            "//x",
        )
    }
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dumps").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(env_file, "PIPE_SECONDS", 0.05)
    return tmp_path


def paths_in(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_the_fix(here: Path, name: str) -> None:
    settings, prepare, line = MISTAKES[name]
    prepare(here)
    # On SQLite: with PostgreSQL some of the folders are no mistake, and the service starts.
    given = {"DATABASE_URL": f"sqlite+aiosqlite:///{here}/kexue.db", "BOT_API_URL": "http://127.0.0.1:9"}
    ended = call(here, "run", **given | {"BOT_TOKEN": TOKEN} | settings)
    assert (ended.exit_code, ended.stdout) == (2, "")
    (said,) = ended.stderr.splitlines()
    assert said.startswith("kexue-bot: ")
    assert line in said
    assert SECRET not in said


@pytest.mark.parametrize("name", MISTAKES)
def test_check_tells_the_same_and_creates_nothing(here: Path, name: str) -> None:
    settings, prepare, _ = MISTAKES[name]
    prepare(here)
    before = paths_in(here)
    ended = call(here, "check", **{"BOT_TOKEN": TOKEN, "BOT_API_URL": "http://127.0.0.1:9"} | settings)
    assert ended.exit_code == 1
    assert [said for said in ended.output.splitlines() if said.startswith("bad ")] != []
    assert SECRET not in ended.output
    assert paths_in(here) == before


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"BOT_API_URL": "http://127.0.0.1:9"}, "if Telegram is blocked where you are, set PROXY_URL"),
        ({"BOT_API_URL": "http://bot.invalid"}, "if Telegram is blocked where you are, set PROXY_URL"),
        ({"PROXY_URL": f"http://user:{SECRET}@127.0.0.1:9"}, "check PROXY_URL and BOT_API_URL"),
    ],
)
def test_check_says_how_a_bot_api_is_reached_that_is_not(
    here: Path, settings: dict[str, str], advice: str
) -> None:
    ended = call(here, "check", BOT_TOKEN=TOKEN, **settings)
    assert ended.exit_code == 1
    (said,) = (line for line in ended.output.splitlines() if "cannot be reached" in line)
    assert said.startswith("bad   token: the Bot API at http")
    assert said.endswith(advice)
    assert SECRET not in ended.output


def test_check_reads_a_database_without_touching_it(here: Path) -> None:
    url = f"sqlite+aiosqlite:///{here}/kexue.db"
    settings = {"BOT_TOKEN": TOKEN, "BOT_API_URL": "http://127.0.0.1:9", "DATABASE_URL": url}
    assert "not there yet" in call(here, "check", **settings).output
    assert call(here, "migrate", **settings).exit_code == 0
    before, content = paths_in(here), (here / "kexue.db").read_bytes()
    assert "ok    database: 0 posts" in call(here, "check", **settings).output
    assert (paths_in(here), (here / "kexue.db").read_bytes()) == (before, content)


def test_a_new_database_is_begun_on_request(here: Path) -> None:
    a_copy(here)
    settings = {"DATABASE_URL": f"sqlite+aiosqlite:///{here}/kexue.db", "BACKUP_DIR": "copies"}
    assert call(here, "migrate", **settings).exit_code == 2
    assert not (here / "kexue.db").exists()
    assert call(here, "migrate", "--new", **settings).exit_code == 0
    assert call(here, "migrate", **settings).exit_code == 0


MIGRATE = f"{shlex.join(PROGRAM)} migrate >/dev/null 2>&1"
FILL = "dd if=/dev/zero of=$folder/fill bs=1k 2>/dev/null"
DISKS: dict[str, tuple[str, str]] = {
    "DATABASE_URL of another user": ("chown 10001 data", "cannot be written ([Errno 13] Permission denied"),
    "DATABASE_URL in a folder of another user": (
        f"{MIGRATE}; rm -f data/kexue.db?*; chown 10001 data",
        "cannot be written",
    ),
    "DATABASE_URL on a read-only disk": (
        "mount -t tmpfs -o ro t data",
        "cannot be written ([Errno 30] Read-only",
    ),
    "DATABASE_URL on a full disk": (
        f"mount -t tmpfs -o size=64k t data; folder=data; {FILL}",
        "disk is full",
    ),
    "DATABASE_URL on a disk filled since": (
        f"mount -t tmpfs -o size=2m t data; {MIGRATE}; folder=data; {FILL}",
        "disk is full",
    ),
    "BACKUP_DIR of another user": (
        "chown 10001 copies",
        "(Permission denied): change its permissions or mount",
    ),
    "BACKUP_DIR on a read-only disk": (
        "mount -t tmpfs -o ro t copies",
        "(Read-only file system): change its",
    ),
    "BACKUP_DIR on a full disk": (
        f"mount -t tmpfs -o size=64k t copies; folder=copies; {FILL}",
        "free space on its disk",
    ),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize("name", DISKS)
def test_a_disk_that_cannot_be_written_is_named_with_its_reason(here: Path, name: str) -> None:
    """In a mount namespace, by root without its right to write everywhere."""
    prepare, reason = DISKS[name]
    for folder in ("data", "copies"):
        (here / folder).mkdir()
    ordinary = "setpriv --bounding-set=-all --inh-caps=-all"
    script = f"{prepare}; exec {ordinary} {shlex.join(PROGRAM)} run"
    settings = environment(
        here,
        BOT_TOKEN=TOKEN,
        BOT_API_URL="http://127.0.0.1:9",
        DATABASE_URL="sqlite+aiosqlite:///data/kexue.db",
        BACKUP_DIR="copies" if name.startswith("BACKUP_DIR") else "",
    )
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=here,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        pytest.skip("no mounts here")
    assert (ended.returncode, ended.stdout) == (2, "")
    (said,) = ended.stderr.splitlines()
    assert said.startswith(f"kexue-bot: {name.split()[0]}")
    assert reason in said
