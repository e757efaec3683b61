"""ops/cli: what people and scripts see, and the exit codes they may rely on."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.decision import Verdict
from domain.market import Mode
from ops.cli.main import main
from ops.cli.records import write_csv
from ops.cli.show import money, printable
from ops.stack.runfile import Running, forget, running
from ops.supervision.identity import Identity
from store.account import Account
from store.pool import open_pool
from tests.ops.traded import Morning

Fill = Callable[[], Awaitable[None]]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give every command a state directory of its own and no settings of this machine."""
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_") or name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def with_store(dsn: str, work: Callable[[asyncpg.Pool[Any]], Awaitable[object]]) -> None:
    async def run() -> None:
        pool = await open_pool(dsn)
        try:
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(run())


@pytest.fixture
def morning(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the commands at a store with a traded morning in it."""
    with_store(dsn, lambda pool: Morning(pool).whole())
    monkeypatch.setenv("DATABASE_URL", dsn)


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def touchline(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs a command: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_help_names_every_command_and_the_exit_codes(touchline: Said) -> None:
    code, out, _ = touchline("--help")
    assert code == 0
    for name in ("up", "down", "status", "trades", "why", "migrate", "settings", "Exit codes"):
        assert name in out


@pytest.mark.parametrize("command", ["up", "down", "status", "trades", "why", "migrate"])
def test_every_command_explains_itself(touchline: Said, command: str) -> None:
    code, out, _ = touchline(command, "--help")
    assert code == 0 and "Usage" in out


@pytest.mark.parametrize(
    "arguments", [("bogus",), ("trades", "--limit", "0"), ("why",), ("up", "--speed", "fast")]
)
def test_wrong_usage_is_a_configuration_error(touchline: Said, arguments: tuple[str, ...]) -> None:
    code, _, err = touchline(*arguments)
    assert code == 4 and err.startswith("touchline: ")


def test_real_money_needs_a_word_of_its_own(touchline: Said) -> None:
    live = ("--profile", "live", "--set", "wallet.private_key=0x1")
    code, _, err = touchline("up", *live)
    assert code == 4 and "live_confirmed must be true" in err and "doctor" in err


def test_nothing_but_a_tape_ends_by_itself(touchline: Said) -> None:
    code, _, err = touchline("up", "--exit-when-done", "--profile", "paper")
    assert code == 4 and "sim.source=tape, was mirror" in err


def test_a_report_that_cannot_be_written_is_told_before_the_run(touchline: Said) -> None:
    code, _, err = touchline("up", "--report", "/nowhere/report.json")
    assert code == 4 and "--report must be a writable file" in err


def test_wrong_settings_end_with_4_and_one_line_each(touchline: Said) -> None:
    code, _, err = touchline("up", "--set", "entry.max_prise=1")
    assert code == 4
    assert err == (
        "touchline: entry.max_prise (from --set): no such setting; did you mean entry.max_price?\n"
    )


@pytest.mark.parametrize(
    "command", [("status",), ("trades",), ("why", "0xa"), ("migrate",), ("down",)]
)
def test_commands_say_that_nothing_runs(touchline: Said, command: tuple[str, ...]) -> None:
    code, _, err = touchline(*command)
    assert code == 3 and "start it with ./touchline up" in err


def test_a_database_that_does_not_answer_is_not_running(
    touchline: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:secret@127.0.0.1:{closed_port()}/x")
    code, _, err = touchline("trades")
    assert code == 3 and "does not answer" in err and "secret" not in err
    code, _, err = touchline("migrate")
    assert code == 1 and "(DATABASE_URL)" in err and "secret" not in err


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.usefixtures("morning")
def test_trades_are_listed_with_their_states(touchline: Said) -> None:
    code, out, _ = touchline("trades")
    assert code == 0
    for state in ("settled", "holding", "not_entered", "declined", "unknown"):
        assert state in out
    assert "[red]up[/]?" in out.replace("\n", "")  # a market's words are never markup


@pytest.mark.usefixtures("morning")
def test_trades_as_json_keep_every_digit(touchline: Said) -> None:
    code, out, _ = touchline("trades", "--json")
    trades = json.loads(out)
    assert code == 0 and len(trades) == 6
    (settled,) = [trade for trade in trades if trade["workflow_id"] == "0xa:0.95"]
    assert settled["profit"] == "0.380000" and settled["entry_price"] == "0.960000"


@pytest.mark.usefixtures("morning")
def test_one_trade_is_shown_with_orders_fills_and_exits(touchline: Said) -> None:
    code, out, _ = touchline("trades", "0xa")
    assert code == 0
    assert "order-a" in out and "trade-a" in out and "resolution" in out
    code, out, _ = touchline("trades", "0xa:0.95", "--json")
    assert [len(json.loads(out)[part]) for part in ("orders", "fills", "exits")] == [1, 1, 1]


@pytest.mark.usefixtures("morning")
def test_a_trade_that_is_none_or_several_is_not_found(touchline: Said) -> None:
    code, _, err = touchline("trades", "0xnothing")
    assert code == 2 and "no trade whose id, market or slug is 0xnothing" in err
    code, _, err = touchline("trades", "0x")
    assert code == 2 and "fits several trades" in err and "0xa:0.95" in err


@pytest.mark.usefixtures("morning")
def test_why_tells_every_decision_with_its_reason(touchline: Said) -> None:
    code, out, _ = touchline("why", "0xd")
    assert code == 0 and "hold" in out and "score" in out
    code, out, _ = touchline("why", "0xd:0.95", "--json")
    (row,) = json.loads(out)
    assert row["decision"]["filter"] == "score" and row["stage"] == "screening"
    assert touchline("why", "0xunknown")[0] == 2


def test_a_store_without_tables_asks_for_migrations(
    touchline: Said, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    code, _, err = touchline("trades")
    assert code == 3 and "touchline migrate" in err


def test_migrate_applies_once_and_says_so(
    touchline: Said, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    code, out, _ = touchline("migrate", "--dry-run", "--json")
    missing = json.loads(out)["migrations"]
    assert code == 0 and missing[0].startswith("0001_")
    code, out, _ = touchline("migrate", "--json")
    assert code == 0 and json.loads(out)["migrations"] == missing
    code, out, _ = touchline("migrate")
    assert code == 0 and "up to date" in out


def test_a_database_newer_than_the_code_is_refused(
    touchline: Said, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def future(pool: asyncpg.Pool[Any]) -> None:
        await pool.execute(
            "INSERT INTO schema_migrations (version, name, sha256, ms) VALUES (9999,'9999_x','',0)"
        )

    with_store(dsn, future)
    monkeypatch.setenv("DATABASE_URL", dsn)
    code, _, err = touchline("migrate")
    assert code == 1 and "newer" in err and "9999_x" in err


def test_settings_are_shown_with_who_set_them(touchline: Said) -> None:
    code, out, _ = touchline("settings", "--json", "--set", "wallet.private_key=hunter2")
    shown = {row["key"]: row for row in json.loads(out)}
    assert code == 0 and "hunter2" not in out
    assert shown["entry.max_price"] == {
        "key": "entry.max_price",
        "value": "0.98",
        "source": "profile demo",
    }
    assert shown["wallet.private_key"]["value"] == "********"
    assert len(json.loads(touchline("settings", "--changed", "--json")[1])) < len(shown)


def test_status_shows_what_runs(
    touchline: Said, tmp_path: Path, morning: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    Running(
        supervisor=Identity.of(os.getpid()),
        started_at=datetime.now(UTC),
        profile="demo",
        mode="paper",
        links={"Temporal Web UI": "http://127.0.0.1:8233/x"},
        sim_token="hidden",
    ).save(state)
    assert (state / "run.json").stat().st_mode & 0o077 == 0
    code, out, _ = touchline("status", "--json")
    shown = json.loads(out)
    assert code == 0 and "hidden" not in out
    assert shown["trades"]["settled"] == 2
    assert shown["account"]["balance"] == "1000.000000"
    code, out, _ = touchline("status")
    assert code == 0 and "http://127.0.0.1:8233/x" in out
    forget(state)
    assert touchline("status")[0] == 3


def test_a_run_file_of_a_dead_supervisor_counts_as_nothing(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    identity = Identity(pid=dead.pid, created=0.0, command=["python"])
    dead.wait()
    now = datetime.now(UTC)
    Running(supervisor=identity, started_at=now, profile="demo", mode="paper").save(tmp_path)
    assert running(tmp_path) is None
    (tmp_path / "run.json").write_text("{")
    assert running(tmp_path) is None


def test_a_closed_pipe_is_no_error(dsn: str, tmp_path: Path) -> None:
    code = "import sys; from ops.cli.main import main; sys.exit(main(['settings', '--json']))"
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -c "{code}" | head -1'],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[\n" and done.stderr == ""


@pytest.mark.parametrize(
    ("value", "shown"), [("20", "20.00"), ("0.961300", "0.9613"), ("-0.5", "-0.50")]
)
def test_money_is_short_but_exact(value: str, shown: str) -> None:
    assert money(Decimal(value)) == shown


def test_foreign_text_stays_on_its_line() -> None:
    assert printable("a\nb\x1b[31m", 60) == "a b [31m"
    assert printable("x" * 100, 10) == "x" * 9 + "…"


@pytest.mark.usefixtures("morning")
def test_halt_reduce_and_resume_switch_the_account_with_a_reason(touchline: Said) -> None:
    for command, state in (("halt", "halted"), ("reduce", "reducing"), ("resume", "active")):
        code, out, _ = touchline(command, "--why", "drill", "--json")
        assert (code, json.loads(out)["halt"]) == (0, state)
        found: dict[str, Any] = {}

        async def read(pool: asyncpg.Pool[Any], into: dict[str, Any] = found) -> None:
            row = await Account(pool).get(Mode.PAPER)
            into.update(halt=row.halt, why=row.halt_why)

        with_store(os.environ["DATABASE_URL"], read)
        assert found == {"halt": state, "why": "drill"}
    assert "entries and exits go on" in touchline("resume")[1]


@pytest.mark.usefixtures("morning")
def test_a_market_is_blocked_and_unblocked_once(touchline: Said) -> None:
    assert "is blocked now" in touchline("block", "0xz", "--why", "odd rules")[1]
    assert "was blocked already" in touchline("block", "0xz")[1]
    assert touchline("unblock", "0xz")[0] == 0
    assert touchline("unblock", "0xz")[0] == 2


@pytest.mark.usefixtures("morning")
def test_a_declined_trade_is_allowed_again(touchline: Said) -> None:
    assert touchline("allow", "0xe:0.95")[0] == 0
    assert touchline("allow", "0xe:0.95")[0] == 2
    assert touchline("allow", "nonsense")[0] == 4


@pytest.mark.usefixtures("morning")
@pytest.mark.parametrize(
    ("what", "rows"), [("trades", 6), ("orders", 4), ("fills", 3), ("exits", 2), ("decisions", 5)]
)
def test_every_table_can_be_exported(touchline: Said, what: str, rows: int, tmp_path: Path) -> None:
    code, out, _ = touchline("export", what)
    assert code == 0 and len(list(csv.DictReader(io.StringIO(out)))) == rows
    code, _, _ = touchline("export", what, "--to", str(tmp_path / "x.csv"))
    assert code == 0
    code, _, err = touchline("export", what, "--to", str(tmp_path / "x.csv"))
    assert code == 1 and "x.csv" in err  # never over an existing file


@pytest.mark.usefixtures("morning")
def test_disposals_of_a_tax_year_are_exported_lot_by_lot(touchline: Said, tmp_path: Path) -> None:
    code, out, _ = touchline("export", "exits", "--format", "json")
    assert code == 0
    exits = json.loads(out)
    code, out, _ = touchline("export", "tax", "--year", exits[0]["at"][:4], "--json")
    assert code == 0
    rows = json.loads(out)
    assert rows and {row["how"] for row in rows} == {"resolution"}
    assert sum(Decimal(r["gain"]) for r in rows) == sum(Decimal(e["profit"]) for e in exits)
    assert touchline("export", "tax", "--year", "2021")[1] == ""
    code, _, err = touchline("export", "tax")
    assert code == 4 and "--year 2026" in err
    assert touchline("export", "fills", "--year", "2026")[0] == 4
    to = tmp_path / "tax.json"
    year = exits[0]["at"][:4]
    assert touchline("export", "tax", "--year", year, "--format", "json", "--to", str(to))[0] == 0
    assert json.loads(to.read_text()) == rows


def test_a_text_that_a_spreadsheet_would_run_is_disarmed() -> None:
    text = io.StringIO()
    write_csv(text, [{"question": "=HYPERLINK(1)", "profit": Decimal("-0.5"), "x": None}])
    assert text.getvalue().splitlines() == ["question,profit,x", "'=HYPERLINK(1),-0.5,"]


@pytest.mark.usefixtures("morning")
def test_the_watchlist_shows_trades_whose_last_decision_is_to_watch(touchline: Said) -> None:
    assert "Nothing is watched" in touchline("watchlist")[1]

    async def watch(pool: asyncpg.Pool[Any]) -> None:
        morning = Morning(pool)
        await morning.touch("w")
        await morning.decide("w", Verdict.WATCH, "score")

    with_store(os.environ["DATABASE_URL"], watch)
    (row,) = json.loads(touchline("watchlist", "--json")[1])
    assert row["workflow_id"] == "0xw:0.95"


@pytest.mark.usefixtures("morning")
def test_alerts_are_listed_and_acknowledged_once(touchline: Said) -> None:
    assert "No alerts" in touchline("alerts")[1]
    assert touchline("alerts", "--ack", "7")[0] == 2


def test_logs_show_the_end_of_each_part(touchline: Said, tmp_path: Path) -> None:
    assert touchline("logs")[0] == 3
    folder = tmp_path / "state" / "logs"
    folder.mkdir(parents=True)
    (folder / "worker.log").write_text("one\ntwo\nthree\x1b[31m\n")
    (folder / "sim.log").write_text("hello\n")
    code, out, _ = touchline("logs", "-n", "2")
    assert code == 0
    assert out.splitlines() == ["sim    hello", "worker two", "worker three [31m"]
    assert touchline("logs", "sim")[1] == "sim hello\n"
    assert touchline("logs", "nobody")[0] == 2


def test_a_tape_is_read_to_its_end_and_described(touchline: Said, repository: Path) -> None:
    recording = repository / "data" / "tapes" / "btc15m.jsonl.zst"
    code, out, _ = touchline("tape", "info", str(recording), "--json")
    shown = json.loads(out)
    assert code == 0 and shown["markets"] == 18 and shown["licence"] == "CC BY 4.0"


def test_a_tape_that_is_missing_or_cut_is_named(
    touchline: Said, repository: Path, tmp_path: Path
) -> None:
    assert touchline("tape", "info", "nowhere.zst")[0] == 2
    cut = tmp_path / "cut.jsonl.zst"
    recording = repository / "data" / "tapes" / "btc15m.jsonl.zst"
    cut.write_bytes(recording.read_bytes()[:5000])
    code, _, err = touchline("tape", "info", str(cut))
    assert code == 1 and "cut.jsonl.zst" in err
    assert touchline("tape", "import", str(tmp_path), str(tmp_path / "x"))[0] in (1, 2)
