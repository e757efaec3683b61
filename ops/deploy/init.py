"""Make what docker-compose.yml needs and git must not have: secrets, and the .env beside them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from settings.keyring import new_key

FOLDER = Path("deploy/secrets")
DATA = Path("deploy/data/prometheus")


def token() -> str:
    """Return a random text without characters that a URL or a shell would read."""
    return secrets.token_urlsafe(24)


def make_secrets(root: Path) -> list[Path]:
    """Write the secrets that are missing, each readable by its owner alone; return the new ones.

    The wallet's key is a fresh one, for play money: put your own there for live trading.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (root / DATA).mkdir(parents=True, exist_ok=True)  # else Docker makes it, as root

    def database_url() -> str:
        password = (folder / "postgres_password").read_text()
        return f"postgresql://touchline:{password}@postgres:5432/touchline"

    makers: dict[str, Callable[[], str]] = {
        "postgres_password": token,
        "temporal_db_password": token,
        "database_url": database_url,
        "encryption_key": lambda: new_key("first"),
        "wallet_key": lambda: "0x" + secrets.token_hex(32),
        "dashboard_token": token,
        "grafana_password": token,
    }
    written = [write_new(folder / name, make) for name, make in makers.items()]
    return [path for path in [*written, write_new(root / ".env", lambda: env_file(root))] if path]


def env_file(root: Path) -> str:
    """Return .env: the example with this user's ids and fresh tokens."""
    values = {
        "TOUCHLINE_UID": str(os.getuid()),
        "TOUCHLINE_GID": str(os.getgid()),
        "CODEC_TOKEN": token(),
        "SIM_CONTROL_TOKEN": token(),
    }
    lines = (root / ".env.example").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines]
    pairs = zip(names, lines, strict=True)
    return "\n".join(f"{name}={values[name]}" if name in values else line for name, line in pairs)


def write_new(path: Path, make: Callable[[], str]) -> Path | None:
    """Write a file that does not exist, mode 600; an existing one is never touched."""
    if path.exists():
        return None
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(make())
    return path
