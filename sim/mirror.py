"""Mirror: the live feed as the sim's books. Our orders match against it and never reach it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from sim.engine import Engine
from sim.market import SimMarket
from sim.mirror_frames import apply
from sim.playback import book_event
from sim.resolution import resolve, restore
from sim.state import Position
from sim.units import ONE, micro

_log = logging.getLogger("sim")
CHUNK = 100  # markets a socket, two tokens each: well below the venue's 500 assets
PING_S = 10
SILENCE_S = 30
POLL_S = 15


class MirrorError(Exception):
    """The upstream cannot be mirrored; the text names the URL and what it answered."""


class Mirror:
    """The upstream's markets and books, kept fresh; its depth is never taken twice."""

    span_ms = 0

    def __init__(self, engine: Engine) -> None:
        config = engine.config
        for name in ("mirror_clob", "mirror_ws", "mirror_gamma"):
            if not getattr(config, name):
                raise MirrorError(f"{name}: expected an upstream URL, was empty")
        self._engine = engine
        self._http = httpx.AsyncClient(timeout=10)
        self._sockets: list[asyncio.Task[None]] = []
        self.position: Position = engine.memory.position
        self.position.source = f"mirror of {config.mirror_clob}"
        self.live = asyncio.Event()  # set once the first books are in

    async def run(self) -> None:
        """Mirror until cancelled."""
        try:
            pause = 0.5
            while not await self.poll():  # an upstream that is away at the start may come back
                await asyncio.sleep(pause)
                pause = min(pause * 2, POLL_S)
            while True:
                await asyncio.sleep(POLL_S)
                await self.poll()
        finally:
            for task in self._sockets:
                task.cancel()
            await asyncio.gather(*self._sockets, return_exceptions=True)
            await self._http.aclose()

    async def poll(self) -> bool:
        """Look for new markets and for results; return whether the upstream answered."""
        try:
            await self._catalogue()
            await self._results()
        except (httpx.HTTPError, MirrorError) as cause:
            _log.warning("mirror: %s; asking again", cause)
            return False
        self._engine.commit()
        return True

    async def _catalogue(self) -> None:
        """List open markets of the upstream's Gamma, page by page."""
        config, cursor, new = self._engine.config, "", []
        new += await self._held()
        while self._open() < config.mirror_limit:
            query = {"limit": "100", "closed": "false"} | (
                {"after_cursor": cursor} if cursor else {}
            )
            page = await self._get(f"{config.mirror_gamma}/markets/keyset", query)
            new += self._list(page.get("markets", []))
            cursor = page.get("next_cursor") or ""
            if not cursor:
                break
        for start in range(0, len(new), CHUNK):
            part = new[start : start + CHUNK]
            self._sockets.append(asyncio.create_task(self._follow(part)))

    def _list(self, rows: Iterable[dict[str, Any]], *, held: bool = False) -> list[SimMarket]:
        """Add markets that can be traded; others are left out."""
        config, exchange, found = self._engine.config, self._engine.exchange, []
        for row in rows:
            market = market_of(row, held=held)
            if market is None or market.condition_id in exchange.markets:
                continue
            wanted = held or not config.mirror_tokens
            if not wanted and set(config.mirror_tokens).isdisjoint(market.tokens):
                continue
            if not held and self._open() >= config.mirror_limit:
                break
            if record := self._engine.memory.resolved.get(market.condition_id):
                restore(market, record)
            exchange.list_market(market)
            found.append(market)
        return found

    def _open(self) -> int:
        return sum(1 for market in self._engine.exchange.markets.values() if not market.closed)

    async def _held(self) -> list[SimMarket]:
        """List ended markets in which an earlier life of this sim has traded."""
        exchange, found = self._engine.exchange, []
        traded = {trade.condition_id for trade in self._engine.memory.trades.values()}
        for condition in sorted(traded - set(exchange.markets)):
            for closed in ("false", "true"):
                query = {"condition_ids": condition, "closed": closed}
                url = f"{self._engine.config.mirror_gamma}/markets/keyset"
                rows = (await self._get(url, query)).get("markets", [])
                found += self._list(rows, held=True)
        return found

    async def _results(self) -> None:
        """Ask the upstream's CLOB for the result of markets past their end."""
        now = self._engine.now()
        for market in list(self._engine.exchange.markets.values()):
            if market.closed or market.end_ms > now:
                continue
            url = f"{self._engine.config.mirror_clob}/markets/{market.condition_id}"
            payouts = payouts_of(await self._get(url, {}), market)
            if payouts is not None:
                resolve(self._engine.exchange, market, payouts, self._engine.now())

    async def _get(self, url: str, query: dict[str, str]) -> Any:
        answer = await self._http.get(url, params=query)
        if answer.status_code != 200:
            raise MirrorError(f"{url}: expected 200, was {answer.status_code}")
        return answer.json()

    async def _follow(self, markets: list[SimMarket]) -> None:
        """Keep one socket to the upstream; while it is down its books are empty."""
        pause = 0.25
        while True:
            try:
                async with connect(
                    self._engine.config.mirror_ws, ping_interval=None, max_size=None
                ) as socket:
                    pause = 0.25
                    await self._read(socket, markets)
            except (OSError, WebSocketException, TimeoutError):
                pass
            self._blind(markets)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)

    async def _read(self, socket: ClientConnection, markets: list[SimMarket]) -> None:
        tokens = [token for market in markets for token in market.tokens]
        first = {"type": "market", "assets_ids": tokens, "custom_feature_enabled": True}
        await socket.send(json.dumps(first))
        pinging = asyncio.create_task(_ping(socket))
        try:
            while True:
                text = await asyncio.wait_for(socket.recv(), SILENCE_S)
                if text == "PONG":
                    continue
                apply(self._engine, text)
                self._engine.commit()
                self.live.set()
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)

    def _blind(self, markets: list[SimMarket]) -> None:
        """Empty the books: nothing may fill against depth that may be gone."""
        for market in markets:
            if not market.closed:
                book_event(self._engine, market, (), (), self._engine.now())
        self._engine.commit()


async def _ping(socket: ClientConnection) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send("PING")


def market_of(row: dict[str, Any], *, held: bool = False) -> SimMarket | None:
    """Return the sim's market of a Gamma row; None when it is not a binary market on offer.

    With `held` an ended market is taken too: somebody here has a position in it.
    """
    try:
        tokens = row.get("positionIds") or json.loads(row["clobTokenIds"])
        outcomes = json.loads(row["outcomes"])
        offered = bool(row.get("acceptingOrders"))
        if len(tokens) != 2 or len(outcomes) != 2 or not (offered or held):
            return None
        schedule = row.get("feeSchedule") or {}
        rate = Decimal(str(schedule.get("rate", 0) if row.get("feesEnabled") else 0))
        return SimMarket(
            number=int(row["id"]),
            condition_id=row["conditionId"].lower(),
            tokens=(str(tokens[0]), str(tokens[1])),
            outcomes=(str(outcomes[0]), str(outcomes[1])),
            question=str(row.get("question", "")),
            slug=str(row.get("slug", "")),
            start_ms=_ms(row.get("startDate")),
            end_ms=_ms(row.get("endDate")),
            tick=micro(str(row.get("orderPriceMinTickSize") or "0.01")),
            min_size=micro(str(row.get("orderMinSize") or "5")),
            fee_rate=rate,
            fee_exponent=int(schedule.get("exponent", 1)),
            category=str(row.get("category") or ""),
            tags=_tags(row),
            neg_risk=bool(row.get("negRisk")),
            protocol=str(row.get("version") or "v1"),
            accepting=offered,
        )
    except (KeyError, TypeError, ValueError):
        return None


def payouts_of(row: dict[str, Any], market: SimMarket) -> tuple[int, int] | None:
    """Return the payouts of a closed CLOB market; None while it has no result."""
    if not row.get("closed"):
        return None
    if row.get("is_50_50_outcome"):
        return ONE // 2, ONE // 2
    winners = [token.get("token_id") for token in row.get("tokens", ()) if token.get("winner")]
    if len(winners) != 1 or winners[0] not in market.tokens:
        return None
    return (ONE, 0) if winners[0] == market.tokens[0] else (0, ONE)


def _tags(row: dict[str, Any]) -> tuple[str, ...]:
    events = row.get("events") or [{}]
    tags = row.get("tags") or events[0].get("tags") or []
    return tuple(str(tag.get("label", "")) for tag in tags)


def _ms(value: Any) -> int:
    if not value:
        return 4_102_444_800_000  # no end known: far away
    found = datetime.fromisoformat(str(value))
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
