"""Frames for the benchmarks of ingest: a recorded game, and a seeded mix."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from domain.market import Market, Token

GAME = (
    Path(__file__).parents[1] / ".." / "shared" / "tapes" / "nhl_20260607" / "frames_dev.jsonl.zst"
)
MARKETS = 50  # of the mix


def recorded(limit: int | None = None) -> list[bytes]:
    """Return the frames of the recorded game, as they would come from the socket.

    Raises:
        FileNotFoundError: the recording is not on this machine.
    """
    frames: list[bytes] = []
    with GAME.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file)):
            frames.append(_bytes(_whole(json.loads(line)["frame"])))
            if len(frames) == limit:
                break
    return frames


def mixed(count: int, seed: int = 7) -> list[bytes]:
    """Return 90 % price_change of six changes, 7 % prints, 3 % books of 80 levels."""
    rng = random.Random(seed)
    kinds = rng.choices((_six_changes, _print, _book), (90, 7, 3), k=count)
    start = 1_790_000_000_000
    return [_bytes(kind(rng, start + number)) for number, kind in enumerate(kinds)]


def markets_of(frames: list[bytes]) -> list[Market]:
    """Return the markets that the frames speak of, tokens in order of appearance."""
    tokens: dict[str, dict[str, None]] = {}
    for frame in frames:
        event = json.loads(frame)
        for item in event.get("price_changes", [event]):
            tokens.setdefault(event["market"], {})[item["asset_id"]] = None
    return [
        Market(
            condition_id=condition,
            question="?",
            tokens=tuple(
                Token(token_id=token, outcome=str(index), index=index)
                for index, token in enumerate(held)
            ),
        )
        for condition, held in tokens.items()
    ]


def batches(frames: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield the frames in batches."""
    for start in range(0, len(frames), size):
        yield frames[start : start + size]


def _whole(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with the fields that the recording left out and other parsers need."""
    for change in event.get("price_changes", ()):
        change.setdefault("hash", "0" * 40)
    if event["event_type"] == "last_trade_price":
        event = {"fee_rate_bps": "0", **event}
    return event


def _bytes(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _market(rng: random.Random) -> tuple[str, str, str]:
    number = rng.randrange(MARKETS)
    return f"0x{number:064x}", f"{10**76 + 2 * number}", f"{10**76 + 2 * number + 1}"


def _cents(rng: random.Random, low: int = 1, high: int = 99) -> str:
    return f"0.{rng.randint(low, high):02d}"


def _size(rng: random.Random) -> str:
    return "0" if rng.random() < 0.2 else f"{rng.randint(1, 5000)}.{rng.randint(0, 99):02d}"


def _hash(rng: random.Random) -> str:
    return f"{rng.getrandbits(160):040x}"


def _six_changes(rng: random.Random, ms: int) -> dict[str, Any]:
    market, yes, no = _market(rng)
    bid = rng.randint(30, 60)
    changes = [
        {
            "asset_id": (yes, no)[leg % 2],
            "price": _cents(rng),
            "size": _size(rng),
            "side": rng.choice(("BUY", "SELL")),
            "hash": _hash(rng),
            "best_bid": f"0.{bid}" if leg % 2 == 0 else f"0.{99 - bid}",
            "best_ask": f"0.{bid + 1}" if leg % 2 == 0 else f"0.{100 - bid}",
        }
        for leg in range(6)
    ]
    return {
        "market": market,
        "price_changes": changes,
        "timestamp": str(ms),
        "event_type": "price_change",
    }


def _print(rng: random.Random, ms: int) -> dict[str, Any]:
    market, yes, no = _market(rng)
    return {
        "market": market,
        "asset_id": rng.choice((yes, no)),
        "price": _cents(rng, 30, 60),
        "size": f"{rng.randint(1, 900)}.{rng.randint(0, 999999):06d}",
        "fee_rate_bps": "0",
        "side": rng.choice(("BUY", "SELL")),
        "timestamp": str(ms),
        "event_type": "last_trade_price",
        "transaction_hash": f"0x{rng.getrandbits(256):064x}",
    }


def _book(rng: random.Random, ms: int) -> dict[str, Any]:
    market, yes, no = _market(rng)
    sides = [
        [{"price": f"0.{cent:02d}", "size": f"{rng.randint(1, 5000)}.5"} for cent in cents]
        for cents in (range(10, 50), range(90, 50, -1))
    ]
    return {
        "market": market,
        "asset_id": rng.choice((yes, no)),
        "timestamp": str(ms),
        "hash": _hash(rng),
        "bids": sides[0],
        "asks": sides[1],
        "tick_size": "0.01",
        "event_type": "book",
        "last_trade_price": "0.40",
    }
