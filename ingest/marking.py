"""Marking: best bid and ask of what is traded, written down for pages and charts.

Nothing decides by these rows, and the hot path knows nothing of them: once a second the tops of
a few tokens are read from memory, and those that moved become rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import structlog

from domain.market import Mode
from domain.money import Price
from ingest.dispatch import utc_now
from ingest.outage import STORE_AWAY
from ingest.tokens import ONE, UNKNOWN, Tokens, from_micro
from store.desk_marks import Mark, Marks

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks
KEEP = timedelta(days=30)
SWEEP_EVERY = 3600  # looks


async def mark(pool: asyncpg.Pool[Any], mode: Mode, tokens: Tokens, every: float = EVERY) -> None:
    """Write marks of traded tokens when they moved, until cancelled."""
    marks, seen = Marks(pool), Seen(tokens)
    look = 0
    while True:
        try:
            if moved := seen.moved(await marks.live_tokens(mode), utc_now()):
                await marks.put(moved)
            if look % SWEEP_EVERY == 0:
                await marks.sweep(utc_now() - KEEP)
        except STORE_AWAY as error:
            log.warning("marks_lost", error=repr(error)[:200])
        look += 1
        await asyncio.sleep(every)


class Seen:
    """Remembers what was marked last."""

    def __init__(self, tokens: Tokens) -> None:
        """Read the tops of these tokens."""
        self._tokens = tokens
        self._last: dict[str, tuple[int, int]] = {}

    def moved(self, live: Iterable[str], now: datetime) -> list[Mark]:
        """Return a mark of every live token whose top is known and not what it was."""
        found = []
        for token_id in live:
            state = self._tokens.by_id.get(token_id)
            if state is None:
                continue
            top = (state.bid, state.ask)
            if top == (UNKNOWN, UNKNOWN) or self._last.get(token_id) == top:
                continue
            self._last[token_id] = top
            found.append(Mark(token_id=token_id, at=now, bid=_price(top[0]), ask=_price(top[1])))
        return found


def _price(micro: int) -> Price | None:
    """Return the price, or None for an empty or unknown side: a fold writes those as 0 and 1."""
    return from_micro(micro) if 0 < micro < ONE else None
