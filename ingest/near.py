"""Prints near the threshold, kept in the store: what a strategy is fitted and replayed on."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

import structlog

from domain.money import price, shares
from domain.orders import Side
from ingest.fold import Fold
from ingest.outage import STORE_AWAY
from ingest.pipeline import moment
from ingest.tokens import TokenState
from store.touches import TapeTrade
from venue.wire.market import LastTrade

log = structlog.get_logger()

BELOW = 50_000  # micro-units below the threshold that still count as near
EVERY = 1.0  # seconds between two batches
ROOM = 100_000  # prints that may wait while the store is away
AT_ONCE = 200  # prints of one statement


class Tape(Protocol):
    """Where prints are kept; `store.touches.Tape` in production."""

    async def put(self, trades: list[TapeTrade]) -> int:
        """Write prints, return how many were new."""


class Near:
    """Takes prints from the fold once a second and writes them by COPY.

    Two replicas see the same prints; their id is made of what the venue says, so each is
    stored once. What finds no room while the store is away is counted in `lost`.
    """

    def __init__(self, fold: Fold, tape: Tape, threshold: int) -> None:
        """Let `fold` keep prints from a little below the threshold on."""
        self._fold, self._tape = fold, tape
        self.counts: Counter[str] = Counter()
        fold.near = max(0, threshold - BELOW)

    async def run(self) -> None:
        """Write batch after batch, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Write what the fold has kept, a few at a time: making rows holds up the stream."""
        kept, self._fold.kept = self._fold.kept, []
        for start in range(0, len(kept), AT_ONCE):
            some = kept[start : start + AT_ONCE]
            if not (trades := [trade for one in some if (trade := _trade(*one)) is not None]):
                continue
            try:
                self.counts["stored"] += await self._tape.put(trades)
            except STORE_AWAY as error:
                log.warning("store_away", error=repr(error)[:200])
                self._put_back(kept[start:])
                return

    def _put_back(self, unwritten: list[tuple[TokenState, int, LastTrade]]) -> None:
        waiting = unwritten + self._fold.kept
        self._fold.kept = waiting[:ROOM]
        self.counts["lost"] += len(waiting) - len(self._fold.kept)


def _trade(state: TokenState, ms: int, event: LastTrade) -> TapeTrade | None:
    at = moment(ms * 1_000_000)
    try:
        size = shares(event.size)
    except ArithmeticError:
        size = shares(0)
    if at is None or not event.transaction_hash or not size.is_finite() or size < 0:
        return None  # without the venue's hash the same print could be stored twice
    return TapeTrade(
        condition_id=state.market.condition_id,
        trade_id=f"{event.transaction_hash}:{state.token_id[-12:]}:{event.price}:{event.size}"[
            :200
        ],
        token_id=state.token_id,
        side=Side.SELL if event.side == "SELL" else Side.BUY,
        price=price(event.price),
        size=size,
        at=at,
    )
