"""Where the tests' databases are: files in a test's folder, or databases on a PostgreSQL of the tests' own.

A database is identified by its folder and a name, so that a restarted bot finds it. Which kind it is
is decided by `--database` and by the marker `both_databases`, not by the tests.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import text

from storage.database import open_database
from storage.engine import READ_ONLY, create_engine
from tests.tools.postgres import postgres_server

T = TypeVar("T")

Fill = Callable[[str], Awaitable[object]]
Name = tuple[Path, str]


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


async def empty(url: str) -> None:
    """A database of today's schema and nothing in it."""
    await (await open_database(url)).close()


class Databases:
    """Makes databases of the kind that is in use; migrating each would take longer than most tests."""

    def __init__(self) -> None:
        self.kind = Kind.SQLITE
        self._open = ExitStack()
        self._server: str | None = None
        self._templates: dict[tuple[Kind, Fill], str] = {}
        self._made: dict[Name, str] = {}
        self._numbers = 0

    def url_in(self, folder: Path, name: str, filled: Fill) -> str:
        if self.kind is Kind.SQLITE:
            file = folder / name
            if not file.exists():
                shutil.copyfile(_file_of(self._template(filled)), file)
            return _sqlite(file)
        if (folder, name) not in self._made:
            template = _name_of(self._template(filled))
            # Without sync, copying files costs a fraction of logging every page.
            self._made[folder, name] = self._create(f'TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self._made[folder, name]

    def blank_in(self, folder: Path, name: str) -> str:
        if self.kind is Kind.SQLITE:
            return _sqlite(folder / name)
        if (folder, name) not in self._made:
            self._made[folder, name] = self._create()
        return self._made[folder, name]

    def remove(self, folder: Path, name: str) -> None:
        for file in folder.glob(f"{name}*"):
            file.unlink()
        if url := self._made.pop((folder, name), None):
            self._administer(f'DROP DATABASE "{_name_of(url)}" WITH (FORCE)')

    def forget(self) -> None:
        """Remove all but the templates; files go with their folders."""
        for url in self._made.values():
            self._administer(f'DROP DATABASE "{_name_of(url)}" WITH (FORCE)')
        self._made.clear()

    def close(self) -> None:
        self._open.close()

    def _template(self, filled: Fill) -> str:
        url = self._templates.get((self.kind, filled))
        if url is None:
            if self.kind is Kind.POSTGRES:
                url = self._create()
            else:
                folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="kexue-template-"))
                url = _sqlite(Path(folder) / "kexue.db")
            apart(_filling(filled, url))
            self._templates[self.kind, filled] = url
        return url

    def _create(self, how: str = "") -> str:
        self._numbers += 1
        name = f"test_{self._numbers}"
        self._administer(f'CREATE DATABASE "{name}" {how}')
        return f"{self._server}{name}"

    def _administer(self, statement: str) -> None:
        if self._server is None:
            self._server = self._open.enter_context(postgres_server())
        apart(_administer(self._server, statement))


DATABASES = Databases()


def url_in(folder: Path, name: str = "kexue.db", *, filled: Fill = empty) -> str:
    """The address of the database of that name in the folder.

    When first asked for, it is made as `filled` leaves one; what that does is done once and copied.
    """
    return DATABASES.url_in(folder, name, filled)


def remove(folder: Path, name: str = "kexue.db") -> None:
    """Close it for all users."""
    DATABASES.remove(folder, name)


def fresh_in(folder: Path, name: str = "kexue.db") -> str:
    """The same as `url_in`, but as new however often it is asked for."""
    remove(folder, name)
    return url_in(folder, name)


def blank_in(folder: Path, name: str = "kexue.db") -> str:
    """The same for one without any table."""
    return DATABASES.blank_in(folder, name)


@contextmanager
def kind_in_use(kind: Kind) -> Iterator[None]:
    """Everything in the block has databases of this kind."""
    before, DATABASES.kind = DATABASES.kind, kind
    try:
        yield
    finally:
        DATABASES.kind = before


def rows(url: str, query: str) -> Sequence[Any]:
    """Return the rows of a query, on a separate connection; works inside and outside a running loop."""
    return apart(_rows(url, query))


def change(url: str, statement: str) -> None:
    """Execute a statement on a separate connection, unseen by the bot."""
    apart(_change(url, statement))


@asynccontextmanager
async def locked(url: str, table: str = "dumps") -> AsyncIterator[None]:
    """Hold the write lock, on PostgreSQL of one table, as another program: no dump can be ingested."""
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
            yield
    finally:
        await engine.dispose()


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to its end in a separate loop, even inside a running one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _filling(filled: Fill, url: str) -> None:
    await filled(url)


async def _rows(url: str, query: str) -> Sequence[Any]:
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(**{READ_ONLY: True})
            return (await connection.execute(text(query))).fetchall()
    finally:
        await engine.dispose()


async def _change(url: str, statement: str) -> None:
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server.replace("+asyncpg", "") + "postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _sqlite(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def _file_of(url: str) -> Path:
    return Path(url.partition(":///")[2])


def _name_of(url: str) -> str:
    return url.rpartition("/")[2]
