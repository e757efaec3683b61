"""ingest/upkeep.py on a real PostgreSQL: blocks and claims."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from domain.market import Mode
from ingest.dispatch import utc_now
from ingest.upkeep import Upkeep
from store.claims import Claims
from store.markets import Markets
from store.scores import Blocks
from tests.ingest.samples import NOW, market, trigger
from tests.ingest.test_pipeline import ID, Bench
from tests.venue.wire.frames import CONDITION


def upkeep(pool: asyncpg.Pool[Any], bench: Bench, waiting: int = 0) -> Upkeep:
    """Return the upkeep of this pipeline; so many triggers wait for Temporal."""
    nothing: Any = None  # levels and feed are not looked at
    rest = timedelta(minutes=5)
    return Upkeep(
        pool,
        Mode.PAPER,
        bench.memory,
        bench.pipeline,
        nothing,
        nothing,
        list,
        rest,
        lambda: waiting,
    )


async def test_a_market_whose_block_is_lifted_may_fire_again(pool: asyncpg.Pool[Any]) -> None:
    bench, blocks = Bench(), Blocks(pool)
    one = upkeep(pool, bench)
    await blocks.add(CONDITION, "ann", "odd", NOW)
    await one.agree()
    for _ in range(2):
        bench.touch()
    assert bench.offers == [] and len(bench.journal.objections) == 1
    bench.state.touch.retire()  # type: ignore[union-attr]  # it has one: as the fold left it
    await blocks.remove(CONDITION, "ann", "fine after all", NOW)
    await one.agree()
    bench.touch()
    assert len(bench.offers) == 1 and not bench.state.touch.fired  # type: ignore[union-attr]  # as above


async def test_an_id_is_not_freed_while_its_trigger_may_still_wait_for_temporal(
    pool: asyncpg.Pool[Any],
) -> None:
    """The older trigger could be written down as missed although the younger one starts."""
    bench = Bench()
    bench.memory.take(ID, utc_now() - timedelta(minutes=4))
    await upkeep(pool, bench, waiting=1).agree()
    assert bench.memory.blocks(ID, NOW)
    await upkeep(pool, bench).agree()
    assert not bench.memory.blocks(ID, NOW)


async def test_only_claims_of_open_markets_and_open_trades_are_remembered(
    pool: asyncpg.Pool[Any],
) -> None:
    bench, markets = Bench(), Markets(pool)
    await markets.upsert([market()])
    await Claims(pool).take(trigger(), "run", NOW)
    keep = upkeep(pool, bench)
    await keep.agree()
    assert bench.memory.blocks(ID, NOW)
    await markets.upsert([market().model_copy(update={"closed": True})])
    await pool.execute("UPDATE claims SET slot = true; UPDATE account SET open_slots = 1")
    await keep.agree()
    assert bench.memory.blocks(ID, NOW)  # an open trade is still told of the resolution
    await pool.execute("UPDATE claims SET slot = false")
    await keep.agree()
    assert len(bench.memory) == 0
