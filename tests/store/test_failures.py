"""The store when its database fails: no decision without storage, one row not two (D1, D2)."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import FillStatus, OrderStatus
from ops.services.postgres import UNSAFE_BUT_FAST, EmbeddedPostgres
from store.account import Account
from store.claims import Claims
from store.fills import Fills
from store.migrations import migrate
from store.orders import Orders
from store.pool import open_pool
from store.positions import Positions
from store.stored_order import StoredOrder
from tests.store.examples import NOW, SECOND, WIDE, bought, buy, funded, match, signed, touch
from tests.store.proxy import wired
from tests.waiting import eventually

P = Mode.PAPER
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


async def test_a_claim_whose_answer_is_lost_is_one_row_and_still_ours(dsn: str) -> None:
    async with wired(dsn) as (wire, through):
        pool = await open_pool(through, max_size=1)
        wire.cut_after(b"0xc1")
        with pytest.raises(LOST):
            await Claims(pool).take(touch(), "run-1", NOW)
        assert wire.cuts == 1
        assert (await Claims(pool).take(touch(), "run-1", NOW)).won
        assert not (await Claims(pool).take(touch(), "run-2", NOW)).won
        await pool.close()


async def test_a_reservation_whose_answer_is_lost_promises_once(dsn: str) -> None:
    """The signed bytes of the lost answer are what the retry gets; its own are forgotten."""
    async with wired(dsn) as (wire, through):
        pool = await open_pool(through, max_size=1)
        await funded(pool)
        await Claims(pool).take(touch(), "run-1", NOW)
        wire.cut_after(b"0xfirst")
        with pytest.raises(LOST):
            await Orders(pool).prepare(buy(touch()), signed("0xfirst"), WIDE, NOW)
        kept = await Orders(pool).prepare(buy(touch()), signed("0xsecond"), WIDE, NOW)
        assert isinstance(kept, StoredOrder) and kept.signed.order_id == "0xfirst"
        assert (await Account(pool).get(P)).reserved == usd(19)
        await pool.close()


async def test_a_commit_whose_answer_is_lost_applies_the_fill_once(dsn: str) -> None:
    """Fault matrix D2: the connection is cut at COMMIT."""
    async with wired(dsn) as (wire, through):
        pool = await open_pool(through, max_size=1)
        await funded(pool)
        order = await bought(pool, touch())
        wire.cut_after(b"COMMIT;")
        with pytest.raises(LOST):
            await Fills(pool).apply(P, match(order, count="8"), NOW)
        again = await Fills(pool).apply(P, match(order, count="8"), NOW)
        assert (again.new, again.position.shares) == (False, shares(8))
        for what in (b"COMMIT;", b"close_judged"):
            wire.cut_after(what)
            with pytest.raises(LOST):
                if what == b"COMMIT;":
                    await Positions(pool).settle(touch().workflow_id, price(1), None, "y", NOW)
                else:
                    key = order.signed.order_id
                    await Orders(pool).close(key, OrderStatus.CANCELLED, "so", NOW)
        assert (await Positions(pool).settle(touch().workflow_id, price(1), None, "y", NOW)).already
        assert wire.cuts == 3
        assert await Account(pool).drift() == []
        await pool.close()


async def test_a_pool_without_a_free_connection_waits_and_decides_nothing(dsn: str) -> None:
    pool = await open_pool(dsn, max_size=1)
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    async with pool.acquire() as held:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW)
        assert await held.fetchval("SELECT count(*) FROM orders") == 0
    assert isinstance(await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW), StoredOrder)
    await pool.close()


async def test_a_read_only_database_refuses_and_recovers_without_help(
    dsn: str, postgres_admin: asyncpg.Connection[Any]
) -> None:
    """A failover to a standby: every write is an error, never a silent success."""
    pool = await open_pool(dsn, max_size=1)
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    name = dsn.rsplit("/", 1)[1]

    async def turn(state: str) -> None:
        await postgres_admin.execute(
            f"ALTER DATABASE {name} SET default_transaction_read_only = {state}"
        )
        await pool.expire_connections()

    await turn("on")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await Claims(pool).take(touch("0xc2", "2"), "run-1", NOW)
    await turn("off")
    assert isinstance(await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW), StoredOrder)
    await pool.close()


async def test_a_full_disk_keeps_nothing_of_the_reservation(pool: asyncpg.Pool[Any]) -> None:
    """The server's error for a full disk, raised at the last write but one."""
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    await pool.execute(
        """CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
           CREATE TRIGGER disk_full BEFORE INSERT ON reservations
           FOR EACH ROW EXECUTE FUNCTION disk_full()"""
    )
    with pytest.raises(asyncpg.DiskFullError):
        await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW)
    await pool.execute("DROP FUNCTION disk_full CASCADE")
    account = await Account(pool).get(P)
    assert (account.reserved, account.open_slots) == (usd(0), 0)
    assert await Orders(pool).of_workflow(touch().workflow_id) == []
    assert isinstance(await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW), StoredOrder)


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """Yield a server of our own, that a test may stop and start on one port."""
    state = Path(tempfile.mkdtemp(prefix="touchline-restart-"))
    state.chmod(0o711)  # as root, the server's account must pass
    server = EmbeddedPostgres(state / "pg", dict(UNSAFE_BUT_FAST))
    yield server
    server.stop()
    shutil.rmtree(state)


async def test_a_restarted_server_is_used_again_without_help(
    durable: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault matrix D1: what was committed is there, and the pool finds the server by itself."""
    dsn = await asyncio.to_thread(durable.start)
    monkeypatch.setitem(os.environ, "TOUCHLINE_PG_PORT", dsn.rsplit(":", 1)[1].split("/")[0])
    await migrate(dsn)
    pool = await open_pool(dsn, max_size=3)
    await funded(pool)
    order = await bought(pool, touch())
    await asyncio.to_thread(durable.stop)
    with pytest.raises(LOST):
        await Fills(pool).apply(P, match(order), NOW)
    assert await asyncio.to_thread(durable.start) == dsn

    async def applied() -> bool:
        try:
            return (await Fills(pool).apply(P, match(order), NOW)).position.shares == 20
        except LOST:
            return False

    assert await eventually(applied, within=20)
    confirmed = match(order, status=FillStatus.CONFIRMED)
    await Fills(pool).apply(P, confirmed, NOW + SECOND)
    assert await Account(pool).drift() == []
    await pool.close()
