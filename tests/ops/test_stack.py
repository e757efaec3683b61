"""ops/stack: what each part is told, the play wallet, and bad input before anything starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.stack.assembly import Stack
from ops.stack.database import migrate_database, require_database, without_password
from ops.stack.lock import StateError, alone
from ops.stack.sim import find_tape
from ops.stack.wallet import PlayWallet
from ops.stack.wiring import Wiring
from ops.supervision.part import PartFailed
from settings.load import load_settings
from settings.place import ROOT
from sim.wallets import safe_of

SECRETS = {
    "TOUCHLINE_WALLET__PRIVATE_KEY": "0xkey",
    "TOUCHLINE_DASHBOARD__TOKEN": "token",
    "DATABASE_URL": "postgresql://u:p@h/d",
    "TOUCHLINE_ALERTS__TELEGRAM_TOKEN": "telegram",
}


def wiring(base: Mapping[str, str] | None = None, *overrides: str) -> Wiring:
    return Wiring({"PATH": "/bin", **(base or {})}, overrides, "")


@pytest.mark.parametrize(
    ("part", "sees"),
    [
        (
            "worker",
            {"TOUCHLINE_WALLET__PRIVATE_KEY", "DATABASE_URL", "TOUCHLINE_ALERTS__TELEGRAM_TOKEN"},
        ),
        ("ingest", {"TOUCHLINE_WALLET__PRIVATE_KEY", "DATABASE_URL"}),
        ("dashboard", {"TOUCHLINE_DASHBOARD__TOKEN", "DATABASE_URL"}),
        ("sim", set()),
        ("temporal", set()),
        ("anything else", set()),
    ],
)
def test_a_part_sees_the_secrets_it_needs_and_no_others(part: str, sees: set[str]) -> None:
    environment = wiring(SECRETS).environment(part)
    assert set(SECRETS) & set(environment) == sees
    assert environment["PATH"] == "/bin"


def test_changes_of_the_command_line_reach_the_parts_and_win() -> None:
    told = wiring({"TOUCHLINE_ENTRY__MAX_PRICE": "0.9"}, "entry.max_price=0.97", "profile=paper")
    environment = told.environment("worker")
    assert environment["TOUCHLINE_ENTRY__MAX_PRICE"] == "0.97"
    assert load_settings((), environment, Path("/nonexistent")).profile == "paper"


def test_what_an_early_part_finds_out_reaches_the_later_ones() -> None:
    told = wiring()
    told.tell("venue.clob_url", "http://127.0.0.1:1")
    assert told.environment("ingest")["TOUCHLINE_VENUE__CLOB_URL"] == "http://127.0.0.1:1"
    assert not [name for name in told.environment("sim") if name.startswith("TOUCHLINE_")]
    assert str(ROOT) in told.environment("sim")["PYTHONPATH"].split(os.pathsep)


def test_the_play_wallet_is_made_once_and_private(tmp_path: Path) -> None:
    wallet = PlayWallet.kept_in(tmp_path)
    assert PlayWallet.kept_in(tmp_path) == wallet
    assert (tmp_path / "play-wallet.key").stat().st_mode & 0o077 == 0
    assert wallet.private_key not in repr(wallet)
    assert len(safe_of(wallet.signer)) == 42


def test_parts_come_in_the_order_they_need_each_other(tmp_path: Path) -> None:
    settings = load_settings([f"state={tmp_path}"], {}, tmp_path)
    stack = Stack(settings, [], {})
    names = [part.name for part in stack.parts()]
    stack.close()
    assert names[:7] == ["postgres", "migrations", "temporal", "sim", "wallet", "worker", "ingest"]


def dashboard_port(*overrides: str) -> str:
    settings = load_settings(overrides, {}, Path("/nonexistent"))
    stack = Stack(settings, overrides, {})
    parts = {part.name: part for part in stack.parts()}
    stack.close()
    assert "dashboard" in parts
    return stack.links["Dashboard"].rpartition(":")[2]


def test_the_usual_port_of_the_dashboard_gives_way_and_a_chosen_one_stays(tmp_path: Path) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8787))
        except OSError:
            pass  # then somebody else has it, which serves as well
        else:
            taken.listen()
        assert dashboard_port(f"state={tmp_path}") != "8787"
    assert dashboard_port(f"state={tmp_path}", "dashboard.port=9797") == "9797"


def test_named_servers_replace_the_embedded_ones(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "postgresql://h/d", "TEMPORAL_ADDRESS": "h:7233"}
    settings = load_settings([f"state={tmp_path}", "sim.source=off"], environ, tmp_path)
    stack = Stack(settings, [], environ)
    parts = {part.name: part for part in stack.parts()}
    stack.close()
    assert list(parts)[:3] == ["database", "migrations", "temporal"]
    assert "sim" not in parts
    assert type(parts["temporal"]).__name__ == "Step"


def test_one_supervisor_per_state_directory(tmp_path: Path) -> None:
    with alone(tmp_path / "state"):
        with pytest.raises(StateError, match="already runs in .*touchline down"):
            with alone(tmp_path / "state"):
                pass
    with alone(tmp_path / "state"):
        pass


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="must be writable: .*Set TOUCHLINE_STATE"):
        with alone(tmp_path / "file" / "state"):
            pass


def test_a_missing_tape_is_named() -> None:
    with pytest.raises(PartFailed, match="sim.tape must be a recording, was nowhere.zst"):
        find_tape(Path("nowhere.zst"))


def test_the_tape_of_the_repository_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_tape(Path("data/tapes/btc15m.jsonl.zst")).is_absolute()


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(PartFailed) as caught:
        await require_database(f"postgresql://u:hunter2@127.0.0.1:{port}/touchline")
    assert f"127.0.0.1:{port}/touchline (DATABASE_URL)" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_wrong_password_is_told_without_it(postgres: str) -> None:
    wrong = postgres.replace("postgres:", "postgres:hunter2", 1)
    with pytest.raises(PartFailed, match="password") as caught:
        await require_database(wrong.replace("postgresql://postgres:", "postgresql://nobody:"))
    assert "hunter2" not in str(caught.value)


async def test_migrations_run_as_a_step(empty_dsn: str) -> None:
    await require_database(empty_dsn)
    await migrate_database(empty_dsn)
    await migrate_database(empty_dsn)


def test_an_address_is_shown_without_user_and_password() -> None:
    assert without_password("postgresql://u:p@db.example:5/x") == "db.example:5/x"
    assert without_password("postgresql://u:p@db.example/x") == "db.example:5432/x"
