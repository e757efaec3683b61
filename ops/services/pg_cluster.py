"""Making a cluster: its directory, password and socket; never half of one."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TypedDict

from ops.services.pg_binaries import PostgresError

SOCKET_PATH_LIMIT = 80  # the kernel allows 104 (macOS) or 107 (Linux) with the file name


class RunAs(TypedDict, total=False):
    """Arguments for subprocess that give up root; empty for an ordinary user."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: pwd.struct_passwd | None) -> RunAs:
    """Return how to start a program as this account."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def sweep_aborted(state: Path) -> None:
    """Remove what a first start left that was killed half-way."""
    for junk in state.glob("initdb-*"):
        if junk.is_dir():
            shutil.rmtree(junk, ignore_errors=True)
        else:
            junk.unlink(missing_ok=True)


def data_directory(state: Path, major: int) -> Path:
    """Return `pg<major>`; data of another version is refused, not silently left aside."""
    data = state.resolve() / f"pg{major}"
    others = [path.name for path in state.glob("pg[0-9][0-9]") if path.name != data.name]
    if others and not data.exists():
        raise PostgresError(
            f"{state} holds data of {', '.join(others)}, but these binaries are PostgreSQL"
            f" {major}: set TOUCHLINE_PG_BIN to the older ones, or dump and restore"
        )
    return data


def socket_directory(state: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the directory of the unix socket; elsewhere when the path would be too long."""
    directory = state / "s"
    if len(str(directory)) > SOCKET_PATH_LIMIT:
        name = hashlib.sha256(str(state).encode()).hexdigest()[:10]
        directory = Path(tempfile.gettempdir()) / f"touchline-{os.getuid()}-{name}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def read_password(state: Path) -> str:
    """Return the password of this state directory, made at random the first time."""
    path = state / "pg.password"
    if not path.exists():
        aside = path.with_suffix(".new")
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(24))
        aside.rename(path)
    return path.read_text()


def make_cluster(
    binaries: Path, data: Path, password: str, account: pwd.struct_passwd | None, *, durable: bool
) -> None:
    """Run initdb aside and rename: a start killed in the middle leaves no half cluster."""
    aside = Path(tempfile.mkdtemp(prefix="initdb-", dir=data.parent))
    secret = aside.with_suffix(".pw")
    secret.touch(0o600)
    secret.write_text(password)
    if account:
        for path in (aside, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    command: list[str | Path] = [binaries / "initdb", "-D", aside, "-U", "postgres"]
    command += ["-E", "UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
    command += [f"--pwfile={secret}", *([] if durable else ["--no-sync"])]
    try:
        done = subprocess.run(  # noqa: S603 (our own path)
            command, capture_output=True, text=True, cwd="/", **run_as(account)
        )
    finally:
        secret.unlink()
    if done.returncode:
        raise PostgresError(f"initdb ended with {done.returncode}: {done.stderr.strip()}")
    aside.rename(data)
