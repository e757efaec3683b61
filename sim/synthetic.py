"""Synthetic markets: seeded books that drift, spike, gap and resolve, as events of a tape."""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sim import tape
from sim.config import SimConfig
from sim.units import ONE

CENT = 10_000
EPOCH_MS = 1_700_000_000_000
KINDS = ("drift", "spike", "gap", "crawl", "early", "dispute", "half", "thin")


@dataclass(slots=True)
class Path:
    """One market's life: its true probability walks to 0 or 1 between start and end."""

    number: int
    kind: str
    start_ms: int
    end_ms: int
    random: random.Random
    wins: bool = False
    odds: float = 0.0  # logit of the probability
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    jumped: bool = False

    def chance(self) -> float:
        """Return the probability of the first outcome."""
        return 1 / (1 + math.exp(-self.odds))


def build(config: SimConfig) -> tuple[tape.Header, list[tape.Event]]:
    """Return a header and all events for the configuration's seed."""
    paths = [_path(number, config) for number in range(config.synthetic_markets)]
    events = list(_play(paths, config))
    header = tape.Header(
        source=f"synthetic seed {config.seed}, {config.synthetic_markets} markets",
        first_ms=EPOCH_MS,
        span_ms=events[-1].at if events else 0,
        markets=tuple(_market(path, config) for path in paths),
    )
    return header, events


def _path(number: int, config: SimConfig) -> Path:
    chance = random.Random(f"{config.seed}:{number}")  # noqa: S311 - repeatable, not secret
    life = int(config.synthetic_minutes * 60_000)
    start = number // max(config.synthetic_overlap, 1) * life + chance.randrange(life // 4 + 1)
    kind = KINDS[number % len(KINDS)]
    path = Path(number, kind, start, start + life, chance)
    path.odds = chance.gauss(0, 1)
    path.wins = chance.random() < path.chance()
    return path


def _market(path: Path, config: SimConfig) -> tape.TapeMarket:
    condition = hashlib.sha256(f"condition:{config.seed}:{path.number}".encode()).hexdigest()
    tokens = [
        str(int.from_bytes(hashlib.sha256(f"{condition}:{side}".encode()).digest(), "big"))
        for side in (0, 1)
    ]
    return tape.TapeMarket(
        condition_id="0x" + condition,
        tokens=(tokens[0], tokens[1]),
        outcomes=("Yes", "No"),
        question=f"Will synthetic {path.kind} {path.number} happen?",
        slug=f"synthetic-{path.kind}-{path.number}",
        start_ms=EPOCH_MS + path.start_ms,
        end_ms=EPOCH_MS + path.end_ms,
        tick=CENT,
        fee_rate=str(config.default_fee_rate),
        category="synthetic",
        tags=("Synthetic", path.kind.title()),
        neg_risk=path.number % 5 == 4,
    )


def _play(paths: list[Path], config: SimConfig) -> Iterator[tape.Event]:
    """Yield events of all markets in order of time."""
    step = max(int(1000 / config.synthetic_hz), 1)
    queue = [(path.start_ms, path.number) for path in paths]
    heapq.heapify(queue)
    while queue:
        at, number = heapq.heappop(queue)
        path = paths[number]
        end = path.end_ms if path.kind != "early" else path.start_ms * 2 // 3 + path.end_ms // 3
        if at >= end:
            yield from _finish(path, at, queue)
            continue
        yield from _move(path, at, end, step)
        heapq.heappush(queue, (min(at + 1 + path.random.randrange(2 * step), end), number))


def _finish(path: Path, at: int, queue: list[tuple[int, int]]) -> Iterator[tape.Event]:
    """End a market: proposed, perhaps disputed, resolved; each a while after the last."""
    pause = max((path.end_ms - path.start_ms) // 20, 1)
    if path.kind == "dispute" and not path.jumped:
        path.jumped = True
        yield tape.Dispute(at, path.number, "proposed")
        yield tape.Dispute(at, path.number, "disputed")
        heapq.heappush(queue, (at + 4 * pause, path.number))
        return
    if path.kind == "half":
        yield tape.Resolve(at, path.number, (ONE // 2, ONE // 2))
        return
    yield tape.Resolve(at, path.number, (ONE, 0) if path.wins else (0, ONE))


def _move(path: Path, at: int, end: int, step: int) -> Iterator[tape.Event]:
    """Walk the odds one step and show the book that follows."""
    left = max((end - at) / (end - path.start_ms), 0.001)
    if path.kind == "gap" and 0.4 < left < 0.5 and path.bids:
        yield from _rebuild(path, at, {}, {})  # the book empties for a while
        return
    if path.kind in ("spike", "gap") and left < 0.5 and not path.jumped:
        path.jumped = True
        path.odds += path.random.choice((-4.0, 4.0))  # and the pull brings it back
    target = 5.5 if path.wins else -5.5
    pull = 0.02 if path.kind == "crawl" else 0.05
    path.odds += (target - path.odds) * pull * (1.2 - left) + path.random.gauss(0, 0.15)
    bids, asks = _levels(path)
    yield from _rebuild(path, at, bids, asks)
    if path.random.random() < 0.3 and bids and asks:
        buying = path.random.random() < path.chance()
        price = min(asks) if buying else max(bids)
        size = path.random.randrange(1, 200) * ONE
        yield tape.Print(at, path.number, price, size, "BUY" if buying else "SELL")


def _levels(path: Path) -> tuple[dict[int, int], dict[int, int]]:
    middle = round(path.chance() * 100)
    middle = min(max(middle, 1), 99)
    depth = 2 if path.kind == "thin" else 8
    most = 20 if path.kind == "thin" else 500

    def side(first: int, way: int) -> dict[int, int]:
        cents = [first + way * i for i in range(depth)]
        return {c * CENT: path.random.randrange(5, most) * ONE for c in cents if 1 <= c <= 99}

    spread = 1 + path.random.randrange(2)
    return side(middle - spread, -1), side(middle + spread - 1, 1)


def _rebuild(
    path: Path, at: int, bids: dict[int, int], asks: dict[int, int]
) -> Iterator[tape.Event]:
    if not path.bids and not path.asks:
        path.bids, path.asks = bids, asks
        yield tape.Book(at, path.number, tuple(bids.items()), tuple(asks.items()))
        return
    changes: list[tape.Change] = []
    for side, old, new in (("B", path.bids, bids), ("A", path.asks, asks)):
        changes += [(side, price, 0) for price in old if price not in new]
        changes += [(side, p, s) for p, s in new.items() if old.get(p) != s]
    path.bids, path.asks = bids, asks
    if changes:
        yield tape.Changes(at, path.number, tuple(changes))
