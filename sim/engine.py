"""Engine: the exchange, its memory, faults and sockets under one clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from sim import chain, order_faults
from sim.config import SimConfig
from sim.credentials import Credentials
from sim.exchange import Exchange
from sim.faults import Faults
from sim.hub import Hub
from sim.memory import Memory
from sim.modes import Modes
from sim.state import Account, Trade
from sim.units import taker_fee

STEP_S = 0.02


def wall_ms() -> int:
    """Return the wall clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Engine:
    """What every endpoint works with, on one event loop: between two awaits all is atomic."""

    def __init__(
        self, memory: Memory, config: SimConfig, clock: Callable[[], int] = wall_ms
    ) -> None:
        self.config = config
        self.memory = memory
        self.clock = clock
        self.faults = Faults(config.seed)
        self.modes = Modes(self.faults)
        self.exchange = Exchange(memory, config)
        self.credentials = Credentials(memory, config.seed, config.auth_skew_s)
        self.hub = Hub(config, self.faults, self.exchange, self.credentials)
        self.exchange.settlement.alter = self._settle
        self.exchange.divert = partial(order_faults.divert, self)
        self.playing = asyncio.Event()
        self.started_ms = clock()
        self.requests = 0
        self._later: set[asyncio.Task[None]] = set()

    def _settle(self, trade: Trade, now_ms: int) -> list[Trade]:
        """Let a fault alter a settlement; each part of a split is charged as a match of its own."""
        parts = self.faults.settle(trade, now_ms)
        market = self.exchange.markets[trade.condition_id]
        for part in parts if len(parts) > 1 else ():
            taker = part.taker
            part.fee = taker_fee(taker.size, taker.price, market.fee_rate, market.fee_exponent)
        return parts

    def now(self) -> int:
        """Return the time in epoch milliseconds."""
        return self.clock()

    def commit(self) -> None:
        """Write what changed, then tell the sockets."""
        self.memory.flush()
        self.hub.publish(self.exchange.outbox.drain(), self.now())

    def fund(self, address: str, usd: int, owner: str = "", *, cached: bool = True) -> Account:
        """Deposit dollars (negative withdraws) and optionally name who may sign for the wallet."""
        account = self.memory.account(address)
        account.usd += usd
        account.deposited += usd
        account.owner = owner or account.owner
        if cached:
            account.cached_usd = account.usd
        self.memory.touch_account(account)
        if usd < 0:
            self.exchange.revalidate(address, self.now())
        return account

    def later(self, delay_s: float, action: Callable[[], object]) -> None:
        """Do something after a while, unless the sim stops before."""

        async def act() -> None:
            await asyncio.sleep(delay_s)
            action()

        task = asyncio.create_task(act())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Forget what was to be done later, and close the journal."""
        left = list(self._later)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.memory.close()

    async def run(self) -> None:
        """Do what time brings: settlement, expiries, heartbeats, delayed frames."""
        while True:
            await asyncio.sleep(STEP_S)
            self.step(self.now())

    def step(self, now_ms: int) -> None:
        """Do what is due now."""
        self.exchange.tick(now_ms)
        chain.advance(self, now_ms)
        self._sweep_heartbeats(now_ms)
        self.commit()
        self.hub.release(now_ms)

    def _sweep_heartbeats(self, now_ms: int) -> None:
        limit = int(self.config.heartbeat_s * 1000)
        for key in self.memory.keys.values():
            if key.heartbeat_ms and now_ms - key.heartbeat_ms > limit:
                for order in self.exchange.funds.open_orders():
                    if order.owner == key.key and order.status != "delayed":
                        self.exchange.end(order, "CANCELED", now_ms)
