"""`kexue-bot restore` puts a nightly copy back, and nothing over what is there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.ops.backup import copy_database
from storage.database import open_database
from storage.migrate import newest


async def _database(file: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    await database.write(lambda tx: tx.key_values.put("kept", "yes"))
    await database.close()


async def _kept(file: Path) -> str | None:
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    try:
        return await database.read(lambda tx: tx.key_values.get("kept"))
    finally:
        await database.close()


async def test_a_copy_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, copies = tmp_path / "kexue.db", tmp_path / "copies"
    await _database(lost)
    copy = copy_database(lost, copies, datetime(2026, 11, 22, tzinfo=UTC))
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{lost}")

    refused = CliRunner().invoke(main, ["restore", str(copy)])
    assert refused.exit_code == 1
    assert "in the way" in refused.output

    for each in tmp_path.glob("kexue.db*"):
        each.unlink()
    restored = CliRunner().invoke(main, ["restore", str(copy)])
    assert restored.exit_code == 0, restored.output
    assert f"{copy} (schema {newest()}, 0 posts, 0 chats, 0 subscriptions) -> {lost}" in restored.output
    assert await _kept(lost) == "yes"
