"""Planted secrets in a running stack: no log, metric, page, command or kept file shows one.

Every process runs as `up` starts it, trades, loses its database under its hands, and is refused by
a webhook and by Telegram; afterwards everything a person or a scraper could read is searched.
"""

from __future__ import annotations

import asyncio
import http.server
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from ops.cli.doctor import subject
from ops.cli.main import main
from ops.dashboard.deeds import DEEDS
from ops.dashboard.view import BY_NAME, PAGES
from ops.services.ports import free_port
from ops.services.postgres import running_dsn
from ops.stack.runfile import Running
from ops.stack.wiring import Wiring
from ops.supervision.identity import Register
from settings.keyring import new_key
from settings.load import load_settings
from tests.ops.stack import ROOT, StackProcess, cut, stack
from tests.security.test_planted import forms
from tests.waiting import eventually
from venue.connect import connect

pytestmark = [pytest.mark.stack, pytest.mark.drill, pytest.mark.timeout(400)]

HOOK, BOT = f"hook{secrets.token_hex(12)}", f"4711:{secrets.token_urlsafe(24)}"
TRADED = re.compile("holding|settled|not_entered")  # a busy machine may be too late
TOKEN = f"tok{secrets.token_hex(12)}"
THEIRS = {
    "codec.token",
    "pg.password",
    "play-wallet.key",
    "run.json",
    "sim.json",
}  # where a secret is kept
COMMANDS = [
    "status", "status --json", "trades", "trades --json", "why {condition}", "funnel", "filters",
    "settings", "settings --json", "health", "health --json", "watch --once", "watchlist",
    "alerts", "alerts --json", "export orders", "export fills --json", "logs --lines 2000",
    "reconcile --dry-run", "doctor", "doctor --json", "redeem", "halt --why x", "resume --why x",
    "trades {condition}", "approve 0xnone", "settings --set wallet.private_key={key}",
    "settings --set entry.stake=x", "completion bash", "migrate",
]  # fmt: skip


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers 500 to everything, and remembers that it was really asked."""

    asked: list[str] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def refusing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def planted(url: str, key: str) -> dict[str, str]:
    """Return the environment in which everything is started, as an operator would set it."""
    return {
        "TOUCHLINE_DASHBOARD__TOKEN": TOKEN,
        "TOUCHLINE_DASHBOARD__PORT": str(free_port()),
        "TOUCHLINE_ALERTS__WEBHOOK_URL": f"{url}/{HOOK}",
        "TOUCHLINE_ALERTS__TELEGRAM_TOKEN": BOT,
        "TOUCHLINE_ALERTS__TELEGRAM_CHAT": "1",
        "TOUCHLINE_ALERTS__TELEGRAM_URL": url,
        "TOUCHLINE_TEMPORAL__ENCRYPTION_KEY": key,
    }


async def break_the_database(run: StackProcess, dsn: str) -> None:
    """Kill its postmaster while everybody is at work, and wait until it answers again."""
    connection = await asyncpg.connect(dsn)
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    postmaster = backend.parent()
    assert postmaster is not None
    postmaster.kill()
    await eventually(connection.is_closed, within=20)

    async def answers() -> bool:
        try:
            again = await asyncpg.connect(running_dsn(run.state), timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await again.close()
        return True

    await eventually(answers, within=60, every=0.3)


@asynccontextmanager
async def second_worker(
    run: StackProcess, there: Running, environ: Mapping[str, str]
) -> AsyncIterator[str]:
    """Run one more worker, with its metrics on; yields their URL."""
    port, account = free_port(), subject(load_settings([], environ, run.folder))[1]
    wired = Wiring(environ, [], "")
    told = {f"venue.{name}": value for name, value in there.venue.items() if "." not in name}
    told |= {name: value for name, value in there.venue.items() if "." in name}
    told |= {
        "temporal.address": there.temporal_address,
        "database_url": str(running_dsn(run.state)),
    }
    told |= {"wallet.private_key": account.private_key, "wallet.signature_type": "2"}
    for name, value in {**told, "venue.relayer_api_key": "play-money"}.items():
        wired.tell(name, value)
    with open(run.state / "logs" / "second.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "worker", "--metrics", str(port)],
            env={**wired.environment("worker"), "PYTHONPATH": str(ROOT)},
            cwd=run.folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}/metrics"
        finally:
            process.terminate()
            process.wait(30)


async def answer(client: httpx.AsyncClient, url: str) -> str:
    async def got() -> str | None:
        try:
            return (await client.get(url)).text
        except httpx.TransportError:
            return None

    return await eventually(got, within=30, every=0.2)


async def pages(url: str, trade: str) -> dict[str, str]:
    """Return every page, confirmation, figure and refusal of the dashboard."""
    shown: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=20) as client:
        for bad in ("wrong", "x" * 5000):
            shown[f"login {bad[:5]}"] = (await client.post("/login", data={"token": bad})).text
        reply = await client.post("/login", data={"token": TOKEN, "next": "/"})
        assert reply.status_code == 200
        paths = [page.path for page in PAGES if page.menu] + [f"/trades/{trade}", "/nowhere"]
        paths += [f"/confirm/{deed}?id={trade}" for deed in DEEDS] + ["/health", "/metrics"]
        paths += ["/data/profit", f"/data/price/{trade}"]
        for path in paths:
            reply = await client.get(path)
            shown[path] = f"{reply.headers}\n{reply.text}"
        for name in BY_NAME:
            async with client.stream("GET", f"/live/{name}?id={trade}") as stream:
                first = stream.aiter_text()
                shown[f"live {name}"] = await asyncio.wait_for(anext(first, ""), 20)
    return shown


async def said_by_commands(
    words: Mapping[str, str], capfd: pytest.CaptureFixture[str]
) -> dict[str, str]:
    shown = {}
    capfd.readouterr()
    for command in COMMANDS:
        await asyncio.to_thread(main, [part.format(**words) for part in command.split()])
        said = capfd.readouterr()
        shown[command] = said.out + said.err
    return shown


def files(state: Path) -> dict[str, bytes]:
    """Return what is kept, without the database's own pages and what only the owner may read."""
    kept = {}
    for path in state.rglob("*"):
        inside = path.relative_to(state)
        if path.is_file() and inside.parts[0] not in {"pg18", "sim", *THEIRS}:
            kept[str(inside)] = path.read_bytes()
    return kept


async def test_no_log_metric_page_command_or_file_of_a_running_stack_has_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tape, key = cut(tmp_path / "cut.jsonl.zst", 2), new_key("a")
    with stack() as run, refusing() as url:
        environ = planted(url, key)
        run.start("--speed", "120", "--set", f"sim.tape={tape}", **environ)
        there = await run.ready()
        for name in [name for name in os.environ if name.startswith("TOUCHLINE_")]:
            monkeypatch.delenv(name)
        for name, value in {**environ, "TOUCHLINE_STATE": str(run.state)}.items():
            monkeypatch.setenv(name, value)
        dsn = running_dsn(run.state)
        assert dsn is not None
        await eventually(lambda: TRADED.search(run.said()), within=120, every=0.2)
        hosts, account = subject(load_settings([], os.environ, run.folder))
        creds = (venue := await connect(hosts, account)).creds
        await venue.aclose()
        pool = await asyncpg.connect(dsn)
        trade = str(await pool.fetchval("SELECT workflow_id FROM claims LIMIT 1"))
        await pool.close()
        words = {"condition": trade.rpartition(":")[0], "key": f"0x{account.private_key[2:]}zz"}

        shown: dict[str, str | bytes] = {}
        async with (
            httpx.AsyncClient(timeout=20) as client,
            second_worker(run, there, dict(os.environ)) as metrics,
        ):
            shown["worker's metrics"] = await answer(client, metrics)
            ingest = psutil.Process(Register(run.state).read()["ingest"].pid)
            for port in [c.laddr.port for c in ingest.net_connections() if c.status == "LISTEN"]:
                shown[f"ingest:{port}"] = await answer(client, f"http://127.0.0.1:{port}/metrics")
            await break_the_database(run, dsn)

            shown |= await pages(there.links["Dashboard"], trade)
            shown |= await said_by_commands(words, capfd)
            await eventually(lambda: {HOOK, BOT} <= told(), within=60, every=0.2)
        for name in THEIRS:
            assert (run.state / name).stat().st_mode & 0o077 == 0, name
        run.stop()
        shown |= files(run.state)
        shown["up"] = run.said()

        password = re.search(r"//[^:]+:([^@]+)@", dsn)
        assert password is not None
        planted_ones = {
            "dashboard token": TOKEN,
            "webhook": HOOK,
            "telegram token": BOT,
            "database password": password[1],
            "encryption key": key.partition(":")[2],
            "wallet key": account.private_key,
            "API secret": creds.secret,
            "API passphrase": creds.passphrase,
            "control token of the sim": there.sim_token,
            "token of the codec server": (run.state / "codec.token").read_text(),
        }
        assert all(len(text) >= 16 for text in planted_ones.values())
        for place, text in shown.items():
            raw = text if isinstance(text, bytes) else text.encode()
            for kind, secret in planted_ones.items():
                for needle in forms(secret):
                    found = raw.find(needle)
                    around = raw[max(found - 80, 0) : max(found, 0)]
                    assert found < 0, f"secret {kind} in {place} after {around!r}"
        everything = b"".join(t if isinstance(t, bytes) else t.encode() for t in shown.values())
        assert words["condition"].encode() in everything  # the search does find what is there
        assert b"touchline_" in everything and b"temporal_" in everything
        assert b"Traceback" in everything or b"ConnectionDoesNotExist" in everything


def told() -> set[str]:
    """Return which secrets the refusing server was really sent."""
    return {secret for secret in (HOOK, BOT) if any(secret in path for path in Refusing.asked)}
