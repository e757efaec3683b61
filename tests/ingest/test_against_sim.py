"""Whole ingest against a running sim that plays the recording, with a stub for the trades."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from temporalio.client import Client

from domain.market import Mode
from domain.rules import FilterRules
from domain.trigger import TouchSource
from ingest.app import Ingest, Plan
from ingest.shards import Shard
from sim import tape
from tests.ingest.samples import rules
from tests.venue.simulated import ROOT, running_sim
from tests.waiting import eventually
from venue.connect import connect, connect_public
from venue.stream import StreamLimits
from venue.transport import ApiCreds

RECORDING = ROOT / "data" / "tapes" / "btc15m.jsonl.zst"
LOOK_MS = 10_000  # of the tape


def thinned(target: Path) -> Path:
    """Write the recording with one change of each book in ten seconds: five hours in twelve
    seconds are more frames than a busy machine can make, and only the moves matter here."""
    header = tape.read_header(RECORDING)
    waiting: dict[int, dict[tuple[str, int], int]] = {}
    told: dict[int, int] = {}

    def changes(market: int, at: int) -> Iterator[tape.Event]:
        told[market] = at
        if levels := waiting.pop(market, None):
            yield tape.Changes(at, market, tuple((s, p, size) for (s, p), size in levels.items()))

    def events() -> Iterator[tape.Event]:
        for event in tape.read(RECORDING):
            if isinstance(event, tape.Changes):
                kept = waiting.setdefault(event.market, {})
                kept.update({(side, price): size for side, price, size in event.changes})
                if event.at - told.get(event.market, 0) >= LOOK_MS:
                    yield from changes(event.market, event.at)
            else:
                yield from changes(event.market, event.at)
                yield event

    with tape.Writer(target, header, level=3) as writer:
        for event in events():
            writer.write(event)
    return target


async def test_the_recording_gives_one_trade_for_every_market_that_touched(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str, tmp_path: Path
) -> None:
    """Every market of the recording ends at one and touches 0.95 on the way."""
    sim_flags = (
        "--source",
        "tape",
        "--tape",
        str(thinned(tmp_path / "thin.jsonl.zst")),
        "--speed",
        "1500",
        "--lead-ms",
        "1500",
    )
    async with running_sim(*sim_flags) as sim:
        venue = connect_public(sim.hosts)
        account = await connect(sim.hosts, await sim.fund())

        async def creds() -> ApiCreds | None:
            return account.creds

        given = rules(TouchSource.QUOTE, (0, 1), rest=3)
        # at this speed the end of a market is nearer than the way of a touch on a busy machine
        given = given.model_copy(
            update={"filters": FilterRules(min_time_to_end=-timedelta(hours=1))}
        )
        plan = Plan(
            mode=Mode.PAPER,
            rules=given,
            rules_hash="",
            shard=Shard(),
            task_queue=trade_queue,
            market_ws_url=sim.hosts.market_ws,
            user_ws_url=sim.hosts.user_ws,
            site_url=sim.hosts.site,
            per_socket=200,
            dispatches=8,
            room=100,
            limits=StreamLimits(),
            catalogue_every=timedelta(seconds=1),
            instance="test",
        )
        ingest, stop = Ingest(plan, pool, temporal_client, venue, creds), asyncio.Event()
        running = asyncio.create_task(ingest.run(stop))
        counts = ingest.pipeline.counts
        try:
            await eventually(lambda: ingest.dispatch.counts["started"] >= 18, within=60)
        finally:
            stop.set()
            await asyncio.wait_for(running, 20)
            await venue.aclose()
            await account.aclose()
        assert ingest.dispatch.counts["started"] == counts["touch"] - counts["known"] >= 18
        picture = ingest.health.picture()
        assert not picture.keys() & {"malformed", "unknown_kinds", "odd", "reconnects"}
