"""Safety of the dashboard: who gets in, what a stranger sees, and what an action needs."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from temporalio.client import Client
from temporalio.worker import Worker

from domain.market import Mode
from domain.trade import HaltState, Stage
from ops.dashboard.access import HEADERS, Gate, Keys, local_path
from ops.dashboard.app import make_app
from ops.dashboard.deeds import DEEDS
from ops.dashboard.token import BindRefused, is_loopback, require_safe_bind, token_of
from ops.dashboard.view import BY_NAME
from ops.listening import Bounded
from store.account import Account
from store.alerts import Alerts, Priority
from store.audit import Audit
from store.scores import Blocks
from tests.fakes.desk import Desk as FakeTrades
from tests.ops.dashboard.conftest import TOKEN, Shown, browser_of, served, sign_in
from tests.ops.dashboard.test_pages import form
from tests.ops.traded import trigger
from tests.waiting import eventually
from worker.runner import sandboxed
from workflows.messages import TradeStart
from workflows.trade import TradeWorkflow

OPEN = {"/alive", "/login"}


def inventory(app: Gate) -> list[tuple[str, str]]:
    """Return every (method, path) that the application answers, with examples for parameters."""
    assert isinstance(app._app, Bounded)
    inner = app._app.app
    assert isinstance(inner, Starlette)
    found = []
    for route in inner.routes:
        if isinstance(route, Mount):
            found.append(("GET", f"{route.path}/desk.css"))
            continue
        assert isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            for path in examples(route.path):
                found.append((method, path))
    return found


def examples(path: str) -> list[str]:
    if "{deed}" in path:
        return [path.replace("{deed}", deed) for deed in DEEDS]
    if "{page}" in path:
        return [path.replace("{page}", name) for name in BY_NAME]
    return [path.replace("{id}", "0xa:0.95")]


async def test_no_route_and_no_stream_answers_a_stranger_but_liveness(
    shown: Shown, stranger: httpx.AsyncClient
) -> None:
    """MON-H1: the inventory of routes against no key and a wrong key."""
    assert isinstance(shown.app, Gate)
    routes = inventory(shown.app)
    assert len(routes) > 50
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "touchline_80=9999999999.x.deadbeef"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    ]
    for method, path in routes:
        for headers in wrong:
            reply = await stranger.request(method, path, headers=headers)
            if path in OPEN:
                assert TOKEN not in reply.text
                continue
            assert reply.status_code == 401, (method, path, headers)
            assert reply.text == "sign in first"


async def test_every_route_answers_who_has_the_token(
    shown: Shown, stranger: httpx.AsyncClient
) -> None:
    assert isinstance(shown.app, Gate)
    stranger.headers["Authorization"] = f"Bearer {TOKEN}"
    for method, path in inventory(shown.app):
        if path.startswith("/live/") or (method, path) in (("POST", "/login"), ("POST", "/logout")):
            continue
        reply = await stranger.request(method, path)
        assert reply.status_code != 401, (method, path)


async def test_every_answer_carries_the_strict_headers(
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """MON-H2: the content policy."""
    for reply in (
        await operator.get("/"),
        await operator.get("/nowhere"),
        await stranger.get("/"),
        await stranger.get("/alive"),
        await operator.get("/static/desk.js"),
    ):
        for name, value in HEADERS.items():
            assert reply.headers[name] == value
    policy = (await stranger.get("/login")).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "script" not in policy
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


async def test_liveness_tells_nothing_and_detailed_health_is_503_when_unhealthy(
    stranger: httpx.AsyncClient, shown: Shown
) -> None:
    """XD-16."""
    alive = await stranger.get("/alive")
    assert (alive.status_code, alive.text) == (200, "alive")
    assert (await stranger.get("/health")).status_code == 401
    reply = await stranger.get("/health", headers={"Authorization": f"Bearer {TOKEN}"})
    assert reply.status_code == 503  # no ingest was ever heard of
    assert reply.json()["overall"] == "unhealthy"


async def test_a_browser_is_sent_to_the_form_and_comes_back(shown: Shown) -> None:
    async with browser_of(shown.app) as client:
        reply = await client.get("/trades", headers={"Accept": "text/html"})
        assert (reply.status_code, reply.headers["location"]) == (303, "/login?next=/trades")
        assert 'name="token"' in (await client.get("/login?next=/trades")).text
        done = await client.post("/login", data={"token": TOKEN, "next": "/trades"})
        assert done.headers["location"] == "/trades"
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
        assert (await client.get("/trades")).status_code == 200


@pytest.mark.parametrize(
    ("given", "goes"),
    [
        ("/closed", "/closed"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
        ("/a\nb", "/"),
    ],
)
def test_login_leads_to_our_own_pages_alone(given: str, goes: str) -> None:
    assert local_path(given) == goes


async def test_too_many_wrong_tokens_close_the_form_for_a_while(shown: Shown) -> None:
    async with browser_of(shown.app) as client:
        for _ in range(10):
            assert (await client.post("/login", data={"token": "no"})).status_code == 401
        assert (await client.post("/login", data={"token": TOKEN})).status_code == 429


def test_sessions_end_and_cannot_be_forged() -> None:
    now = 1_000_000.0
    keys = Keys(TOKEN, lambda: now)
    cookie = keys.new_session()
    assert keys.read_session(cookie) is not None
    assert Keys(TOKEN + "2", lambda: now).read_session(cookie) is None
    ends, nonce, signature = cookie.split(".")
    assert keys.read_session(f"{int(ends) + 1}.{nonce}.{signature}") is None
    assert keys.read_session("") is None and keys.read_session("ä.ö.ü") is None
    now += 12 * 3600 + 1
    assert keys.read_session(cookie) is None


async def test_signing_out_ends_the_session_of_this_browser(operator: httpx.AsyncClient) -> None:
    assert (await operator.post("/logout", data={"csrf": "wrong"})).status_code == 403
    csrf = (await form(operator, "/"))["csrf"]
    assert (await operator.post("/logout", data={"csrf": csrf})).status_code == 303
    assert (await operator.get("/")).status_code == 401


async def test_a_replayed_session_is_refused_after_its_end(shown: Shown) -> None:
    async with browser_of(shown.app) as client:
        await sign_in(client)
        stolen = {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}
        csrf = (await form(client, "/"))["csrf"]
        async with browser_of(shown.app) as thief:
            assert (await thief.get("/", headers=stolen)).status_code == 200
            await client.post("/logout", data={"csrf": csrf})
            assert (await thief.get("/", headers=stolen)).status_code == 401
            replayed = {"csrf": csrf, "reason": "x"}
            assert (await thief.post("/act/halt", data=replayed, headers=stolen)).status_code == 401
    async with browser_of(make_app(shown.desk, TOKEN)) as restarted:
        assert (await restarted.get("/", headers=stolen)).status_code == 401


async def test_no_action_happens_without_our_own_form(
    operator: httpx.AsyncClient, shown: Shown, pool: Any
) -> None:
    for deed in DEEDS:
        for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
            reply = await operator.post(f"/act/{deed}", data={"id": "0xa:0.95", **fields})
            assert reply.status_code == 403, deed
        assert (await operator.get(f"/act/{deed}")).status_code == 405
    mine = await form(operator, "/confirm/halt")
    reply = await operator.post("/act/halt", data=mine, headers={"Origin": "http://evil.example"})
    assert reply.status_code == 403
    assert (await Account(pool).get(Mode.PAPER)).halt is HaltState.ACTIVE
    assert await Audit(pool).since(shown.desk.clock() - timedelta(hours=1)) == []


async def test_halt_says_what_it_does_does_it_and_is_audited(
    operator: httpx.AsyncClient, shown: Shown, pool: Any
) -> None:
    await shown.morning.whole()
    text = (await operator.get("/confirm/halt")).text
    assert "Nothing is posted any more" in text and "with 2 open trades" in text
    done = await operator.post(
        "/act/halt", data=await form(operator, "/confirm/halt", why="odd books")
    )
    assert (done.status_code, done.headers["location"]) == (303, "/")
    page = (await operator.get("/")).text
    assert "✓ halted: 2 open trades are affected." in page and "odd books" in page
    assert "✓ halted" not in (await operator.get("/")).text  # told once
    await operator.post("/act/reduce", data=await form(operator, "/confirm/reduce"))
    await operator.post("/act/resume", data=await form(operator, "/confirm/resume"))
    rows = await Audit(pool).since(shown.desk.clock() - timedelta(hours=1))
    assert [(r.who, r.what, r.result.split(",")[0]) for r in reversed(rows)] == [
        ("dashboard", "halt", "halted"),
        ("dashboard", "halt", "reducing"),
        ("dashboard", "halt", "active"),
    ]


async def test_blocks_allows_and_acknowledgements_are_done_and_audited(
    operator: httpx.AsyncClient, shown: Shown, pool: Any
) -> None:
    await shown.morning.whole()
    await operator.post("/act/block", data=await form(operator, "/confirm/block?id=0xa"))
    assert await Blocks(pool).has("0xa")
    await operator.post("/act/unblock", data=await form(operator, "/confirm/unblock?id=0xa"))
    assert not await Blocks(pool).has("0xa")
    declined = trigger("e").workflow_id
    await operator.post("/act/allow", data=await form(operator, f"/confirm/allow?id={declined}"))
    now = shown.desk.clock()
    await Alerts(pool).put("k", Priority.HIGH, "t", "x", timedelta(minutes=1), now)
    (alert,) = await Alerts(pool).recent(now - timedelta(hours=1))
    path = f"/confirm/seen?id={alert.alert_id}"
    await operator.post("/act/seen", data=await form(operator, path))
    (alert,) = await Alerts(pool).recent(now - timedelta(hours=1))
    assert alert.seen_by == "dashboard"
    rows = await Audit(pool).since(now - timedelta(hours=1))
    assert [row.what for row in reversed(rows)] == ["block", "unblock", "allow", "acknowledge"]


@pytest.mark.parametrize(
    "deed", ["exit", "levels", "redeem", "abandon", "approve", "reject", "allow"]
)
async def test_an_action_on_no_trade_is_not_found(operator: httpx.AsyncClient, deed: str) -> None:
    reply = await operator.get(f"/confirm/{deed}?id=0xnone:0.95")
    assert reply.status_code == 404 and "no trade 0xnone:0.95 in paper mode" in reply.text


async def test_a_price_that_is_none_is_refused_before_anything_is_sent(
    operator: httpx.AsyncClient, shown: Shown
) -> None:
    await shown.morning.fund()
    await shown.morning.buy("a")
    workflow_id = trigger("a").workflow_id
    for bad in ("1", "0", "-1", "abc", "NaN", "1e-9x"):
        data = await form(operator, f"/confirm/exit?id={workflow_id}", min_price=bad)
        reply = await operator.post("/act/exit", data=data)
        assert reply.status_code == 409 and "min_price must be a price" in reply.text, bad


async def test_actions_reach_the_trade_and_its_answer_comes_back(
    operator: httpx.AsyncClient, shown: Shown, pool: Any, temporal_client: Client
) -> None:
    """Levels, a refused approval, abandon: by updates of the real workflow."""
    trades = FakeTrades()
    trades.resolve = False
    await shown.morning.fund()
    await shown.morning.buy("a")
    touch = trigger("a")
    async with Worker(
        temporal_client,
        task_queue="desk-actions",
        workflows=[TradeWorkflow],
        activities=trades.activities,
        workflow_runner=sandboxed(),
    ):
        handle = await temporal_client.start_workflow(
            TradeWorkflow.run,
            TradeStart(trigger=touch),
            id=touch.workflow_id,
            task_queue="desk-actions",
        )

        async def holding() -> bool:
            return (await handle.query(TradeWorkflow.status)).stage is Stage.HOLDING

        await eventually(holding)
        here = f"id={touch.workflow_id}"
        data = await form(operator, f"/confirm/approve?{here}")
        reply = await operator.post("/act/approve", data=data)
        assert reply.status_code == 409 and "Not done: expected a trade that is awai" in reply.text
        data = await form(operator, f"/confirm/levels?{here}", target="0.99", stop="0,90")
        reply = await operator.post("/act/levels", data=data)
        assert reply.headers["location"] == "/trades/0xa%3A0.95"
        page = (await operator.get(reply.headers["location"])).text
        assert "✓ target 0.99" in page and "holding" in page and "Redeem now" in page
        data = await form(operator, f"/confirm/redeem?{here}")
        assert (await operator.post("/act/redeem", data=data)).status_code == 303
        page = (await operator.get(reply.headers["location"])).text
        assert "✓ looked again, not to be redeemed yet: nothing to do" in page
        data = await form(operator, f"/confirm/abandon?{here}", why="enough")
        assert (await operator.post("/act/abandon", data=data)).status_code == 303
        assert (await handle.result()).ending is Stage.ABANDONED
    rows = await Audit(pool).since(shown.desk.clock() - timedelta(hours=1))
    assert [row.what for row in rows] == ["abandon", "redeem", "set_levels", "approve"]
    assert rows[0].why == "enough" and rows[2].detail == {"target": "0.990000", "stop": "0.900000"}
    assert rows[3].result.startswith("refused: expected a trade that is awaiting_approval")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.1.2.3", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("desk.example", False),
        ("", False),
    ],
)
def test_only_loopback_may_be_bound_without_a_chosen_token(host: str, loopback: bool) -> None:
    """MON-H1, G11."""
    assert is_loopback(host) is loopback
    require_safe_bind(host, "a-chosen-token")
    if not loopback:
        with pytest.raises(BindRefused, match="must be a loopback address"):
            require_safe_bind(host, "")


async def test_starting_on_all_addresses_without_a_token_ends_with_4(tmp_path: Path) -> None:
    """MON-H1: exits non-zero."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.dashboard",
        env={
            **os.environ,
            "TOUCHLINE_DASHBOARD__HOST": "0.0.0.0",
            "TOUCHLINE_STATE": str(tmp_path),
        },
        cwd=str(Path(__file__).resolve().parents[3]),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 4 and b"loopback" in said


def test_the_token_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "new"
    token = token_of("", state)
    assert len(token) >= 32 and token_of("", state) == token
    assert stat.S_IMODE((state / "dashboard.token").stat().st_mode) == 0o600
    assert token_of("a-token-of-my-own", state) == "a-token-of-my-own"
    with pytest.raises(BindRefused, match="at least 16"):
        token_of("short", state)


async def test_ten_thousand_failing_requests_leave_descriptors_and_threads_flat(
    shown: Shown,
) -> None:
    """MON-M2."""
    process = psutil.Process()
    paths = ("/", "/live/overview", "/act/halt", "/nowhere")
    requests = b"".join(
        f"GET {path} HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer no\r\n\r\n".encode()
        for path in paths
    )
    async with served(shown.app) as url:
        port = int(url.rpartition(":")[2])

        async def fail(rounds: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(rounds):
                writer.write(requests)
                for _ in paths:
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 401")
                    await reader.readexactly(len(b"sign in first"))
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(fail(10) for _ in range(8)))
        before = process.num_fds(), threading.active_count()
        await asyncio.gather(*(fail(313) for _ in range(8)))
        await eventually(lambda: process.num_fds() <= before[0])
        assert threading.active_count() <= before[1]


def test_no_page_template_trusts_text() -> None:
    """MON-H2: nothing is marked safe, no script or style stands in a page, no handler attribute."""
    templates = Path(__file__).resolve().parents[3] / "ops/dashboard/templates"
    for path in templates.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\|\s*safe|autoescape false|javascript:", text), path
        assert not re.search(r"<script(?! src=)", text), path
        assert not re.search(r"\son\w+=|\sstyle=", text), path


def test_stage_names_of_the_pages_are_those_of_the_domain() -> None:
    from ops.dashboard.wording import TONES

    assert {stage.value for stage in Stage} - set(TONES) <= {
        "resolved",
        "redeeming",
        "declined",
        "not_entered",
        "cancelled",
    }


__all__ = ["sign_in"]
