"""`copy` and `migrate` as operators call them: what is said, with which password, to which database."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot import SettingsError
from bot.cli import main
from bot.settings import read_settings
from storage.engine import create_engine
from storage.migrate import newest, take_steps
from tests.conftest import NOT_INSTALLED
from tests.end_to_end.whole_bot import WholeBot
from tests.tools.databases import Kind, apart, blank_in, kind_in_use
from tests.tools.installations import blank, everything, old_one

pytestmark = NOT_INSTALLED


def call(*arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(main, arguments, env=settings)


def test_the_command_says_what_arrived_and_never_a_password(tmp_path: Path) -> None:
    source, target = old_one(Kind.SQLITE, tmp_path), blank(Kind.POSTGRES, tmp_path)
    secret = target.replace("kexue@", "kexue:hush-hush@")
    done = call("copy", "--from", source, "--to", secret)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "copied" in done.stdout
    assert "posts" in done.stdout
    again = call("copy", "--from", source, "--to", secret)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "not empty" in again.stderr
    unreachable = secret.replace(secret.rpartition(":")[2], "1/nothing")
    lost = call("copy", "--from", source, "--to", unreachable)
    assert lost.exit_code == 2
    assert "hush" not in done.output + again.output + lost.output


def test_the_other_end_is_the_configured_database(tmp_path: Path) -> None:
    source, target = old_one(Kind.SQLITE, tmp_path), blank(Kind.POSTGRES, tmp_path)
    (tmp_path / "password").write_text("hush-hush\n")
    settings = {"DATABASE_URL": target, "DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    assert call("copy", DATABASE_URL=target).exit_code == 2
    done = call("copy", "--from", source, **settings)
    assert (done.exit_code, done.stderr) == (0, "")
    assert everything(target) == everything(source)


def test_a_password_from_a_file_is_for_a_user_without_one(tmp_path: Path) -> None:
    """An SQLite file needs none: one setting for both, as in a compose file, is no mistake."""
    (tmp_path / "password").write_text("p@ss/word\n")
    settings = read_settings(
        _env_file=None,
        database_url="postgresql+asyncpg://kexue@host/kexue",
        database_password_file=tmp_path / "password",
    )
    assert settings.database_address() == "postgresql+asyncpg://kexue:p%40ss%2Fword@host/kexue"
    absent = tmp_path / "absent"
    for url, said in {"//kexue:one@host/k": "no user without", "//host/kexue": "no user without"}.items():
        with pytest.raises(SettingsError, match=said):
            read_settings(
                _env_file=None,
                database_url=f"postgresql+asyncpg:{url}",
                database_password_file=tmp_path / "password",
            ).database_address()
    with pytest.raises(SettingsError, match="DATABASE_PASSWORD_FILE cannot be read"):
        read_settings(
            _env_file=None, database_url="postgresql+asyncpg://k@h/k", database_password_file=absent
        ).database_address()
    lite = read_settings(
        _env_file=None, database_url="sqlite+aiosqlite:///a.db", database_password_file=absent
    )
    assert lite.database_address() == "sqlite+aiosqlite:///a.db"
    pooled = read_settings(
        _env_file=None, database_url="postgresql+asyncpg://k@h/k?ssl=require", database_pooler="transaction"
    )
    assert pooled.database_address() == "postgresql+asyncpg://k@h/k?ssl=require&pooler=transaction"


@pytest.mark.parametrize("kind", Kind)
def test_migrate_says_from_where_to_where_and_may_be_repeated(kind: Kind, tmp_path: Path) -> None:
    url = blank(kind, tmp_path)
    with kind_in_use(kind):
        old = blank_in(tmp_path, "old.db")
    apart(at_step(old, "0003"))
    said = [call("migrate", DATABASE_URL=each).stdout for each in (url, url, old, old)]
    today = newest()
    assert said == [
        f"made a database of schema {today}\n",
        f"the schema is {today} already\n",
        f"brought the schema from 0003 to {today}\n",
        f"the schema is {today} already\n",
    ]


async def at_step(url: str, step: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(take_steps, None, step)
    await engine.dispose()


@pytest.mark.sqlite_only
async def test_a_file_that_a_bot_serves_is_not_migrated(resting_bot: WholeBot) -> None:
    await resting_bot.starts()
    refused = await asyncio.to_thread(call, "migrate", DATABASE_URL=resting_bot.url)
    assert refused.exit_code == 2
    assert "stop it first" in refused.stderr
