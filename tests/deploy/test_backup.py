"""touchline backup and restore: what is put back is what was there, and nothing is overwritten."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.cli.main import main
from ops.deploy.backup import back_up, copy_sqlite, restore, verify
from ops.deploy.pg_programs import BackupError, beside
from ops.services.pg_binaries import BIN_VARIABLE
from ops.services.postgres import UNSAFE_BUT_FAST, EmbeddedPostgres
from tests.ops.traded import Morning
from tests.postgres import TestPostgres


async def rows(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = {
        name[0]: sorted(repr(r) for r in await connection.fetch(f'SELECT * FROM "{name[0]}"'))
        for name in names
    }
    await connection.close()
    return found


def temporal_file(folder: Path, number: int = 500) -> Path:
    path = folder / "temporal.db"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA journal_mode=wal")
        base.execute("CREATE TABLE executions (id INTEGER PRIMARY KEY, history TEXT)")
        base.executemany(
            "INSERT INTO executions (history) VALUES (?)", [(f"h{i}",) for i in range(number)]
        )
    return path


async def test_a_restored_store_equals_the_one_that_was_saved(
    dsn: str, pool: asyncpg.Pool[Any], tmp_path: Path
) -> None:
    await Morning(pool).whole()
    before = await rows(dsn)
    manifest = await asyncio.to_thread(back_up, dsn, temporal_file(tmp_path), tmp_path / "set")
    assert set(manifest.files) == {"store.dump", "temporal.db"}
    for path in (tmp_path / "set").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    new = tmp_path / "new"
    new.mkdir()
    async with TestPostgres.shared().database(template="template1") as fresh:
        await asyncio.to_thread(restore, tmp_path / "set", fresh, new / "temporal.db")
        assert await rows(fresh) == before and before["claims"]
        with sqlite3.connect(new / "temporal.db") as base:
            assert base.execute("SELECT count(*) FROM executions").fetchone() == (500,)
        with pytest.raises(BackupError, match=r"expected no .*temporal\.db"):
            await asyncio.to_thread(restore, tmp_path / "set", fresh, new / "temporal.db")
        with pytest.raises(BackupError, match="expected an empty database"):
            await asyncio.to_thread(restore, tmp_path / "set", fresh, None)


async def test_a_changed_missing_or_foreign_backup_is_refused(dsn: str, tmp_path: Path) -> None:
    await asyncio.to_thread(back_up, dsn, None, tmp_path / "set")
    with pytest.raises(BackupError, match="it exists"):
        back_up(dsn, None, tmp_path / "set")
    with pytest.raises(BackupError, match="expected a backup"):
        verify(tmp_path)
    dump = tmp_path / "set" / "store.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")
    with pytest.raises(BackupError, match="was changed or is missing"):
        verify(tmp_path / "set")


def test_a_database_in_use_is_copied_whole(tmp_path: Path) -> None:
    path = temporal_file(tmp_path)
    writer = sqlite3.connect(path)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO executions (history) VALUES ('unfinished')")
    copy_sqlite(path, tmp_path / "copy.db")
    writer.rollback()
    writer.close()
    with sqlite3.connect(tmp_path / "copy.db") as base:
        assert base.execute("SELECT count(*) FROM executions").fetchone() == (500,)
    (tmp_path / "junk.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(BackupError, match="cannot copy"):
        copy_sqlite(tmp_path / "junk.db", tmp_path / "other.db")


async def test_a_failure_names_the_program_and_no_password(tmp_path: Path) -> None:
    with pytest.raises(BackupError) as caught:
        back_up("postgresql://u:hunter2@127.0.0.1:9/x", None, tmp_path / "set")
    assert "pg_dump ended with" in str(caught.value) and "hunter2" not in str(caught.value)
    assert not (tmp_path / "set").exists()


async def test_the_commands_save_verify_and_restore(
    dsn: str,
    pool: asyncpg.Pool[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [n for n in os.environ if n.startswith("TOUCHLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.chdir(tmp_path)
    await Morning(pool).whole()
    assert await asyncio.to_thread(main, ["backup", "set", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"].keys() == {"store.dump"}
    assert await asyncio.to_thread(main, ["restore", "set", "--verify"]) == 0
    assert await asyncio.to_thread(main, ["restore", "set"]) == 1  # not over what is there
    assert "expected an empty database" in capsys.readouterr().err
    async with TestPostgres.shared().database(template="template1") as fresh:
        monkeypatch.setenv("DATABASE_URL", fresh)
        assert await asyncio.to_thread(main, ["restore", "set"]) == 0
        assert (await rows(fresh))["claims"] == (await rows(dsn))["claims"]


async def test_temporals_databases_are_saved_and_restored_for_their_own_role(
    dsn: str, tmp_path: Path
) -> None:
    role = f"t{uuid.uuid4().hex[:8]}"
    cluster = (role, f"{role}_visibility")
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        for name in cluster:
            await admin.execute(f"CREATE DATABASE {name} OWNER {role}")
            base = await asyncpg.connect(beside(dsn, name))
            await base.execute(f"SET ROLE {role}; CREATE EXTENSION btree_gin")
            await base.execute("CREATE TABLE executions (id int PRIMARY KEY, state bytea)")
            await base.execute("INSERT INTO executions SELECT i, 'x' FROM generate_series(1, 9) i")
            await base.close()
        await asyncio.to_thread(back_up, dsn, None, tmp_path / "set", cluster)
        async with TestPostgres.shared().database(template="template1") as fresh:
            with pytest.raises(BackupError, match="expected an empty database"):
                await asyncio.to_thread(restore, tmp_path / "set", fresh, None, cluster)
            assert await rows(fresh) == {}
            for name in cluster:
                await admin.execute(f"DROP DATABASE {name}")
            await asyncio.to_thread(restore, tmp_path / "set", fresh, None, cluster)
            assert (await rows(fresh)).keys() == (await rows(dsn)).keys()
        for name in cluster:
            base = await asyncpg.connect(beside(dsn, name))
            await base.execute(f"SET ROLE {role}")
            assert await base.fetchval("SELECT count(*) FROM executions") == 9
            owner = await base.fetchval(
                "SELECT tableowner FROM pg_tables WHERE tablename = $1", "executions"
            )
            assert owner == role
            await base.close()
    finally:
        for name in cluster:
            await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"DROP ROLE {role}")
        await admin.close()


async def test_a_set_without_temporals_databases_says_so(dsn: str, tmp_path: Path) -> None:
    await asyncio.to_thread(back_up, dsn, None, tmp_path / "set")
    with pytest.raises(BackupError, match="expected temporal.dump"):
        await asyncio.to_thread(restore, tmp_path / "set", dsn, None, ("temporal",))


async def test_an_older_server_than_our_programs_can_be_restored(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-compose.yml runs PostgreSQL 16; our pg_restore says things that only 17 knows."""
    older = sorted(Path("/usr/lib/postgresql").glob("1[456]/bin"))
    if not older:
        pytest.skip("no PostgreSQL 14 to 16 is installed here")
    await asyncio.to_thread(back_up, dsn, None, tmp_path / "set")
    monkeypatch.setenv(BIN_VARIABLE, str(older[0]))
    server = EmbeddedPostgres(TestPostgres.shared().run / "older", dict(UNSAFE_BUT_FAST))
    old = await asyncio.to_thread(server.start)
    monkeypatch.delenv(BIN_VARIABLE)
    try:
        await asyncio.to_thread(restore, tmp_path / "set", old, None)
        assert (await rows(old)).keys() == (await rows(dsn)).keys()
    finally:
        await asyncio.to_thread(server.stop)
