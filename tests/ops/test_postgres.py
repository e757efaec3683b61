"""ops/services/postgres.py with pg_cluster and pg_process: the failures it must survive."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from ops.services.pg_binaries import PostgresError, find_binaries, major_version
from ops.services.pg_cluster import sweep_aborted
from ops.services.pg_process import postmaster, users
from ops.services.postgres import EmbeddedPostgres, choose_port, running_dsn
from tests.waiting import eventually


@pytest.fixture
def state() -> Iterator[Path]:
    """Return a state directory that the server's account can reach, also as root."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-pg-"))
    folder.chmod(0o711)
    yield folder / "state"
    for data in (folder / "state").glob("pg[0-9][0-9]"):
        for pid in users(data.resolve()):
            os.kill(pid, signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)


def server(state: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(state, {"fsync": "off"})  # survives kill -9, not a power cut


async def add_row(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS t(x int)")
        await connection.execute("INSERT INTO t VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM t"))
    finally:
        await connection.close()


def in_another_process(state: Path, code: str) -> subprocess.CompletedProcess[str]:
    text = f"""
    import os, signal
    from pathlib import Path
    from ops.services.postgres import EmbeddedPostgres
    server = EmbeddedPostgres(Path({str(state)!r}), {{"fsync": "off"}})
    """
    program = textwrap.dedent(text) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


async def test_rows_stay_over_a_stop_and_a_start(state: Path) -> None:
    first = server(state)
    assert await add_row(first.start()) == 1
    first.stop()
    assert not first.running()
    assert running_dsn(state) is None
    second = server(state)
    dsn = second.start()
    assert await add_row(dsn) == 2
    assert running_dsn(state) == dsn
    second.stop()


async def test_a_killed_owner_leaves_a_server_that_the_next_one_adopts(state: Path) -> None:
    in_another_process(state, "server.start(); os.kill(os.getpid(), 9)")
    next_one = server(state)
    assert await add_row(next_one.start()) == 1
    assert next_one.adopted
    next_one.stop()
    assert postmaster(next_one.data) == 0


async def test_a_killed_postmaster_is_started_again_on_its_port(state: Path) -> None:
    mine = server(state)
    dsn = mine.start()
    await add_row(dsn)
    os.kill(mine.pid, signal.SIGKILL)
    await eventually(lambda: not mine.running())
    mine.release()
    assert mine.start() == dsn  # clients of the old one find the new one
    assert not mine.adopted
    assert await add_row(dsn) == 2
    mine.stop()


async def test_a_pid_file_that_names_a_stranger_is_no_server(state: Path) -> None:
    mine = server(state)
    await add_row(mine.start())
    mine.stop()
    pid_file = mine.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{mine.data}\n0\n5432\n")
    again = server(state)
    assert await add_row(again.start()) == 2
    again.stop()


async def test_a_first_start_killed_in_initdb_is_begun_again(state: Path) -> None:
    code = """
    import threading, time
    def kill_soon():
        while not list(server.state.glob("initdb-*")): time.sleep(0.005)
        time.sleep(0.05)
        os.kill(os.getpid(), 9)
    threading.Thread(target=kill_soon, daemon=True).start()
    server.start()
    """
    assert in_another_process(state, code).returncode == -signal.SIGKILL
    (state / "initdb-older").mkdir()
    mine = server(state)
    assert await add_row(mine.start()) == 1
    mine.stop()
    assert not (state / "initdb-older").exists()

    def swept() -> bool:  # the orphaned initdb may have written while the start swept
        sweep_aborted(state)
        return not any(name.startswith("initdb-") for name in os.listdir(state))

    await eventually(swept)


def test_a_second_owner_is_refused(state: Path) -> None:
    mine = server(state)
    mine.start()
    try:
        with pytest.raises(PostgresError, match="already manages"):
            server(state).start()
    finally:
        mine.stop()


def test_the_password_is_in_no_command_line_and_no_log(state: Path) -> None:
    mine = server(state)
    mine.start()
    try:
        password = (state / "pg.password").read_text()
        assert password not in " ".join(psutil.Process(mine.pid).cmdline())
        assert password not in mine.log.read_text()
        assert (state / "pg.password").stat().st_mode & 0o077 == 0
    finally:
        mine.stop()


def test_data_of_another_version_is_refused_and_kept(state: Path) -> None:
    (state / "pg12").mkdir(parents=True)
    state.chmod(0o711)
    with pytest.raises(PostgresError, match="holds data of pg12"):
        server(state).start()
    assert (state / "pg12").exists()


def test_a_wrong_binary_directory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_PG_BIN", "/nowhere")
    with pytest.raises(PostgresError, match="TOUCHLINE_PG_BIN must name .* was /nowhere"):
        find_binaries()


@pytest.mark.parametrize("port", ["ninety", "70000"])
def test_a_wrong_port_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("TOUCHLINE_PG_PORT", port)
    with pytest.raises(PostgresError, match=f"must be a free port, was {port}"):
        choose_port(0)


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresError, match="cannot create the state directory"):
        server(tmp_path / "file" / "state").start()


def test_the_wheel_s_binaries_are_found() -> None:
    assert major_version(find_binaries()) >= 15
