"""Convert the Parquet files of the package resolvedkit into a tape (one-off; needs polars)."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sim import tape

ATTRIBUTION = "Polymarket order-book data from Resolved Markets (https://resolvedmarkets.com)"
CRYPTO_FEE = "0.07"  # taker rate of crypto markets in 2026 (facts 3.5); not in the source
FINE_TICK = 1_000
COARSE_TICK = 10_000


def main(source: Path, target: Path) -> int:
    """Write `target` from a folder with books.parquet and markets.parquet; return the event count.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ModuleNotFoundError: polars is not installed.
    """
    polars: Any = importlib.import_module("polars")
    markets = polars.read_parquet(source / "markets.parquet").sort("start_ts").to_dicts()
    books = polars.read_parquet(source / "books.parquet")
    books = books.filter(polars.col("side") == "UP").sort("ts", "market_id")
    first = min(int(books["ts"].min()), min(int(m["start_ts"]) for m in markets))
    events = list(_events(markets, books.iter_rows(named=True), first))
    header = tape.Header(
        source="resolvedkit 0.1.0 sample_data (PyPI): 18 BTC fifteen-minute markets",
        attribution=ATTRIBUTION,
        licence="CC BY 4.0",
        first_ms=first,
        span_ms=events[-1].at,
        markets=tuple(_market(row) for row in markets),
    )
    with tape.Writer(target, header) as writer:
        for event in events:
            writer.write(event)
    return len(events)


def _market(row: dict[str, Any]) -> tape.TapeMarket:
    condition = row["market_id"]
    return tape.TapeMarket(
        condition_id=condition,
        tokens=(token_id(condition, 0), token_id(condition, 1)),
        outcomes=(row["outcome_up"], row["outcome_down"]),
        question=row["question"],
        slug=row["slug"],
        start_ms=int(row["start_ts"]),
        end_ms=int(row["end_ts"]),
        tick=COARSE_TICK,
        fee_rate=CRYPTO_FEE,
        category=row["category"],
        tags=("Crypto", "Bitcoin", "15M"),
    )


def token_id(condition_id: str, outcome: int) -> str:
    """Return a token id for an outcome: SHA-256 of condition and number, as decimal digits.

    The source has no token ids; these are stable inventions of ours.
    """
    digest = hashlib.sha256(f"touchline-tape:{condition_id}:{outcome}".encode()).digest()
    return str(int.from_bytes(digest, "big"))


def _events(
    markets: list[dict[str, Any]], books: Iterator[dict[str, Any]], first: int
) -> Iterator[tape.Event]:
    numbers = {row["market_id"]: index for index, row in enumerate(markets)}
    state: dict[int, dict[tuple[str, int], int]] = {}
    fine: set[int] = set()
    last: dict[int, int] = {}
    found: list[tape.Event] = []
    for row in books:
        market, at = numbers[row["market_id"]], int(row["ts"]) - first
        last[market] = at
        levels = _levels(row)
        if market not in fine and any(price % COARSE_TICK for _, price in levels):
            fine.add(market)
            found.append(tape.Tick(at, market, FINE_TICK))
        found.extend(_difference(state.get(market), levels, at, market))
        state[market] = levels
    for market, at in last.items():
        payouts = (_micro(markets[market]["payout_up"]), _micro(markets[market]["payout_down"]))
        found.append(tape.Resolve(at + 1000, market, payouts))
    return iter(sorted(found, key=lambda event: event.at))


def _difference(
    old: dict[tuple[str, int], int] | None, new: dict[tuple[str, int], int], at: int, market: int
) -> Iterator[tape.Event]:
    if old is None:
        bids = tuple(sorted((p, s) for (side, p), s in new.items() if side == "B"))
        asks = tuple(sorted((p, s) for (side, p), s in new.items() if side == "A"))
        yield tape.Book(at, market, bids, asks)
        return
    changes = [(side, price, 0) for side, price in old if (side, price) not in new]
    changes += [(s, p, size) for (s, p), size in new.items() if old.get((s, p)) != size]
    if changes:
        yield tape.Changes(at, market, tuple(changes))


def _levels(row: dict[str, Any]) -> dict[tuple[str, int], int]:
    """Return the levels of one snapshot; crossed rows keep the side with more depth at the top."""
    bids = {_micro(p): _micro(s) for p, s in zip(row["bid_px"], row["bid_sz"], strict=True)}
    asks = {_micro(p): _micro(s) for p, s in zip(row["ask_px"], row["ask_sz"], strict=True)}
    while bids and asks and max(bids) >= min(asks):
        weaker, key = (bids, max(bids)) if bids[max(bids)] < asks[min(asks)] else (asks, min(asks))
        del weaker[key]
    found = {("B", price): size for price, size in bids.items() if size}
    found.update({("A", price): size for price, size in asks.items() if size})
    return found


def _micro(value: float) -> int:
    return int((Decimal(str(value)) * 1_000_000).to_integral_value())


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]), Path(sys.argv[2]))} events\n")
