"""Paper mode for an hour of market time: are fills ever better than the upstream's books allow?

Run: python -m bench.paper_hour [--seed 1] [--minutes 60]. A synthetic upstream sim plays second by
second as fast as it goes; a mirror sim follows it over its socket, as `touchline paper` follows
the venue; orders at random go to the mirror over HTTP. After each second an auditor of its own
(bench/paper_auditor.py), fed from the upstream's events alone, says what could have been filled;
the fills must be exactly that, what we took before remembered. Prints one JSON object and ends
with 1 when a fill was better.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice

from bench.paper_auditor import ONE, Auditor, Fills, Level, Paper
from sim import synthetic, tape
from sim.config import SimConfig
from sim.judge import checks
from sim.mirror import Mirror
from sim.playback import Playback
from sim.server import Sim, running
from sim.state import STRANGER
from sim.units import micro, text
from tests.sim.client import Client, market, show
from tests.waiting import eventually

STEP_MS = 1000
CENT = 10_000
ALIVE = 6  # markets at once
MARK = market(999)  # a market nobody trades: its book says how far the mirror has come


@dataclass(slots=True)
class Result:
    """What was done, and every fill that was not as the auditor says."""

    seed: int
    minutes: float
    markets: int = 0
    upstream_events: int = 0
    orders: int = 0
    cancels: int = 0
    fills: int = 0
    shares: float = 0
    of_resting_orders: int = 0
    better: list[str] = field(default_factory=list)  # than the upstream's books allowed
    worse: list[str] = field(default_factory=list)
    ledger_faults: int = 0
    orders_at_upstream: int = 0
    wall_s: float = 0

    @property
    def sound(self) -> bool:
        """Return whether paper was honest, and the run worth its name."""
        wrong = self.better or self.worse or self.ledger_faults or self.orders_at_upstream
        return not wrong and self.fills > 0


class Hour:
    """One run: the upstream, its mirror, our wallet and the auditor, in step."""

    def __init__(self, up: Sim, copy: Sim, client: Client, result: Result) -> None:
        assert isinstance(up.source, Playback) and isinstance(copy.source, Mirror)
        self._up, self._copy, self._client, self._result = up, copy, client, result
        self._source, self._mirror = up.source, copy.source
        header, events = synthetic.build(up.config)
        mirrored = copy.engine.exchange.markets
        self._markets = [mirrored[m.condition_id.lower()] for m in header.markets]
        self._events = iter(events)
        self._next: tape.Event | None = next(self._events)
        self._auditor = Auditor(len(self._markets))
        self._chance = random.Random(f"paper hour {result.seed}")
        self._mark = self._seen = 0
        result.markets = len(self._markets)

    async def run(self, minutes: float) -> None:
        """Step through the time, a second at once; end early once a fill was wrong."""
        for at in range(0, int(minutes * 60_000), STEP_MS):
            if self._result.better or self._result.worse:
                return
            allowed, ended = Fills(), False
            for event in self._due(at):
                allowed += self._auditor.upstream(event)
                if isinstance(event, tape.Resolve):
                    self._markets[event.market].end_ms = 0  # its result is asked for from now on
                    ended = True
            self._source.play(at, self._up.engine.now())
            await self._caught_up()
            self._compare(allowed, resting=True)
            if ended:
                await self._mirror.poll()
            for _ in range(self._chance.choice((0, 1, 1, 2))):
                await self._order()
            await self._cancel()

    def _due(self, at: int) -> Iterator[tape.Event]:
        while self._next is not None and self._next.at <= at:
            self._result.upstream_events += 1
            yield self._next
            self._next = next(self._events, None)

    async def _caught_up(self) -> None:
        """Show a mark behind the events and wait until it has come through the same socket."""
        self._mark += 1
        show(self._up.engine, MARK, {}, {"0.5": str(self._mark)})
        shown = self._copy.engine.exchange.books[MARK.condition_id].depth["A"].shown
        wanted = micro(str(self._mark))
        await eventually(lambda: shown.get(500_000) == wanted, every=0.0005)

    async def _order(self) -> None:
        """Send one order at random, and compare what it traded."""
        views = self._auditor.markets
        alive = [n for n, view in enumerate(views) if view.offers[True] or view.offers[False]]
        if not alive:
            return
        number = self._chance.choice(alive)
        m, paper = self._markets[number], self._draw(views[number].offers)
        size = text(paper.usd or paper.shares)
        answer = await self._client.post(
            m.tokens[paper.outcome], paper.side, text(paper.price), size, paper.tif,
            neg_risk=m.neg_risk,
        )  # fmt: skip
        body = answer.json()
        paper.id = str(body.get("orderID", ""))
        if not paper.id:
            raise RuntimeError(f"expected an order or a kill, was {answer.status_code} {body}")
        self._result.orders += 1
        self._compare(self._auditor.ours(number, paper))

    def _draw(self, offers: dict[bool, dict[int, Level]]) -> Paper:
        chance = self._chance
        order = Paper(
            id="",
            outcome=chance.randrange(2),
            side=chance.choice(("BUY", "SELL")),
            price=0,
            shares=0,
            tif=chance.choice(("FAK", "FAK", "FOK", "GTC", "GTC")),
        )
        theirs = offers[order.buys] or {500_000: Level()}
        best = order.own(min(theirs) if order.buys else max(theirs))
        way = 1 if order.side == "BUY" else -1
        price = best + way * CENT * chance.randrange(-3, 6)
        order.price = min(max(price, CENT), ONE - CENT)
        order.shares = chance.randrange(120, 600) * ONE  # a cent each: the least a buy may cost
        if order.side == "BUY" and order.tif != "GTC":
            order.usd, order.shares = chance.randrange(1, 200) * ONE, 0
        return order

    async def _cancel(self) -> None:
        """Now and then cancel one of our resting orders."""
        open_ = [(n, o) for n, m in enumerate(self._auditor.markets) for o in m.resting]
        if not open_ or self._result.better or self._chance.random() > 0.1:
            return
        number, order = self._chance.choice(open_)
        answer = await self._client.send("DELETE", "/order", {"orderID": order.id})
        if answer.json()["canceled"] != [order.id]:
            raise RuntimeError(f"expected a cancel of {order.id}, was {answer.text}")
        self._auditor.cancelled(number, order.id)
        self._result.cancels += 1

    def _compare(self, allowed: Fills, *, resting: bool = False) -> None:
        """Compare the fills since the last look with what the auditor allows."""
        found = Fills()
        for trade in islice(self._copy.engine.memory.trades.values(), self._seen, None):
            self._seen += 1
            for leg in trade.legs():
                if leg.owner != STRANGER:
                    found[leg.order_id, leg.price] += leg.size
        result = self._result
        result.fills += len(found)
        result.of_resting_orders += len(found) if resting else 0
        result.shares += round(found.total() / ONE)
        result.better += _lines(found - allowed)
        result.worse += _lines(allowed - found)


def _lines(fills: Fills) -> list[str]:
    return [f"order {order}: {text(n)} shares at {text(p)}" for (order, p), n in fills.items()]


async def hour(seed: int, minutes: float) -> Result:
    """Run it and return what came out."""
    begun = time.monotonic()
    result = Result(seed, minutes)
    life = min(15.0, minutes / 2)
    upstream = SimConfig(
        source="synthetic",
        seed=seed,
        held=True,  # we turn the crank
        speed=1,
        synthetic_markets=ALIVE * math.ceil(minutes / life),
        synthetic_overlap=ALIVE,
        synthetic_minutes=life,
    )
    async with running(upstream) as up:
        show(up.engine, MARK, {}, {"0.5": "1"})
        urls = up.urls()
        config = SimConfig(
            source="mirror",
            mirror_clob=urls["clob"],
            mirror_ws=urls["ws_market"],
            mirror_gamma=urls["gamma"],
            mined_ms=20,
            confirmed_ms=40,
        )
        async with running(config) as copy:
            assert isinstance(copy.source, Mirror)
            await eventually(copy.source.live.is_set)
            client = await Client(copy).login()
            endow(copy, client.wallet)
            try:
                await Hour(up, copy, client, result).run(minutes)
            finally:
                await client.close()
            result.ledger_faults = len(checks(copy.engine))
        result.orders_at_upstream = len(up.engine.memory.orders)
    result.wall_s = round(time.monotonic() - begun, 1)
    return result


def endow(sim: Sim, wallet: str) -> None:
    """Give a wallet dollars and shares of everything, so that it may also sell."""
    account = sim.engine.fund(wallet, micro("100000000"))
    for token in sim.engine.exchange.by_token:
        account.tokens[token] = account.cached_tokens[token] = micro("10000000")
        account.moved[token] = micro("10000000")


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    given = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    result = asyncio.run(hour(given.seed, given.minutes))
    shown = asdict(result) | {"better": len(result.better), "worse": len(result.worse)}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")
    for line in (result.better + result.worse)[:20]:
        sys.stdout.write(f"  {line}\n")
    return 0 if result.sound else 1


if __name__ == "__main__":
    sys.exit(main())
