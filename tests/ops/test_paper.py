"""`touchline paper` from end to end: `touchline sim` is the venue that it reads."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ops.stack.runfile import Running
from sim import synthetic, tape
from sim.config import SimConfig
from sim.units import ONE, text
from tests.ops.stack import ROOT, stack
from tests.waiting import eventually

# Sixty markets of an hour each; at this speed some of them touch in every few seconds of the first
# two minutes, so that it does not matter how long the stack takes to start.
UPSTREAM = SimConfig(
    source="synthetic",
    seed=5,
    synthetic_markets=60,
    synthetic_overlap=60,
    synthetic_minutes=60,
    synthetic_hz=0.25,
    speed=10,
)
BOT = (  # a score without a model, and markets that end within hours; the trigger is a print
    "filters.min_time_to_end=1s",
    "watch.min_time_to_end=1s",
    "strategy.size_filter=false",
    "score.provider=market",
    "score.floor=0.94",
    "entry.pay_up_to=cap",
    "entry.max_price=0.98",
)


@asynccontextmanager
async def upstream() -> AsyncIterator[dict[str, str]]:
    """Run `touchline sim` as a process; yield what it prints."""
    chosen = UPSTREAM.model_dump(mode="json", exclude_defaults=True).items()
    flags = [part for key, value in chosen for part in (f"--{key.replace('_', '-')}", str(value))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "ops.cli.main", "sim", *flags,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def sets(urls: dict[str, str]) -> list[str]:
    venue = (
        f"venue.clob_url={urls['clob']}",
        f"venue.gamma_url={urls['gamma']}",
        f"venue.market_ws_url={urls['ws_market']}",
    )
    return [part for pair in (*venue, *BOT) for part in ("--set", pair)]


async def ledger(url: str, token: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{url}/ledger", headers={"Authorization": f"Bearer {token}"})
        return dict(reply.raise_for_status().json())


def offers() -> Iterator[tuple[str, str]]:
    """Yield every (token, price) at which the upstream ever offered an outcome."""
    header, events = synthetic.build(UPSTREAM)
    for event in events:
        levels: list[tuple[str, int, int]] = []
        if isinstance(event, tape.Book):
            levels = [("B", *level) for level in event.bids] + [("A", *lv) for lv in event.asks]
        elif isinstance(event, tape.Changes):
            levels = list(event.changes)
        for side, price, size in levels:
            if size:
                tokens = header.markets[event.market].tokens
                yield (tokens[0], text(price)) if side == "A" else (tokens[1], text(ONE - price))


@pytest.mark.stack
@pytest.mark.timeout(200)
async def test_paper_trades_on_a_mirror_of_another_venue_and_sends_it_nothing() -> None:
    async with upstream() as urls:
        with stack() as run:
            run.start(*sets(urls), verb="paper")
            running: Running = await run.ready()
            await eventually(lambda: "holding" in run.said(), within=90, every=0.2)
            ours = await ledger(running.sim_control, running.sim_token)
            assert "orders are matched here and never reach the venue" in run.said()
        theirs = await ledger(urls["control"], urls["token"])
    assert theirs["orders"] == [] and theirs["trades"] == [] and theirs["accounts"] == []
    assert ours["checks"] == [] and ours["trades"]
    taken = {(trade["legs"][0]["token_id"], trade["legs"][0]["price"]) for trade in ours["trades"]}
    assert taken <= set(offers())
