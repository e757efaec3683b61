"""store/migrations.py"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from store.migrations import FOLDER, MigrationError, migrate, pending, read_migrations

ONE = "CREATE TABLE one (id int PRIMARY KEY);"


def folder(path: Path, *files: str) -> Path:
    """Write migration files and return their folder."""
    for number, sql in enumerate(files, 1):
        (path / f"{number:04}_step.sql").write_text(sql)
    return path


async def tables(dsn: str) -> set[str]:
    """Return the names of the tables."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows} - {"schema_migrations"}


async def test_three_processes_at_once_apply_each_file_once(empty_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_dsn) for _ in range(3)))
    assert sorted(len(d) for d in done) == [0, 0, len(read_migrations())]
    assert await migrate(empty_dsn) == []


async def test_what_is_missing_is_told_without_applying_it(empty_dsn: str, tmp_path: Path) -> None:
    steps = folder(tmp_path, ONE, "CREATE TABLE two (id int);")
    assert await pending(empty_dsn, steps) == ["0001_step", "0002_step"]
    assert await tables(empty_dsn) == set()
    await migrate(empty_dsn, steps)
    assert await pending(empty_dsn, steps) == []


async def test_a_failing_file_is_rolled_back_whole(empty_dsn: str, tmp_path: Path) -> None:
    steps = folder(tmp_path, ONE, "CREATE TABLE two (id int);\n\nSELECT nonsense;")
    with pytest.raises(MigrationError, match=r"0002_step\.sql, line 3: column .nonsense."):
        await migrate(empty_dsn, steps)
    assert await tables(empty_dsn) == {"one"}
    assert await pending(empty_dsn, steps) == ["0002_step"]


async def test_an_applied_file_may_not_change(empty_dsn: str, tmp_path: Path) -> None:
    await migrate(empty_dsn, folder(tmp_path, ONE))
    with pytest.raises(MigrationError, match="was changed .* add a new one instead"):
        await migrate(empty_dsn, folder(tmp_path, ONE + " -- edited"))


async def test_a_newer_database_is_refused(empty_dsn: str, tmp_path: Path) -> None:
    await migrate(empty_dsn, folder(tmp_path, ONE, "CREATE TABLE two (id int);"))
    (tmp_path / "0002_step.sql").unlink()
    with pytest.raises(MigrationError, match="was newer: it has 0002_step. Update the code"):
        await migrate(empty_dsn, tmp_path)


def test_numbers_run_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="number files 0001"):
        read_migrations(tmp_path)
    folder(tmp_path, ONE)
    (tmp_path / "0003_gap.sql").write_text(ONE)
    with pytest.raises(MigrationError, match=r"was \[1, 3\]"):
        read_migrations(tmp_path)


async def test_an_index_may_be_built_outside_a_transaction(empty_dsn: str, tmp_path: Path) -> None:
    steps = folder(
        tmp_path, ONE, "-- no-transaction\nCREATE INDEX CONCURRENTLY one_by_id ON one (id)"
    )
    done = await asyncio.gather(*(migrate(empty_dsn, steps) for _ in range(2)))
    assert sorted(map(len, done)) == [0, 2]


async def test_waiting_for_another_applier_has_an_end(empty_dsn: str, tmp_path: Path) -> None:
    from store.migrations import LOCK

    connection = await asyncpg.connect(empty_dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    with pytest.raises(MigrationError, match="another migration to end"):
        await migrate(empty_dsn, folder(tmp_path, ONE), wait=0.1)
    await connection.close()


async def test_a_cut_short_copy_of_our_files_is_a_newer_database(dsn: str, tmp_path: Path) -> None:
    """An old checkout against the database of a new one."""
    for file in read_migrations()[:-1]:
        shutil.copy(FOLDER / f"{file.name}.sql", tmp_path)
    with pytest.raises(MigrationError, match="was newer"):
        await migrate(dsn, tmp_path)
