"""Measure the hot path: `python -m bench.ingest [--frames N] [--rounds N] [--nautilus PYTHON]`.

Bytes in, book and first touch folded, on one core. Beside it in the same run: msgspec alone
(the limit of this language here), the parser of polymarket-client, and nautilus_trader where an
interpreter that has it is named. The rows are not like for like: the SDK validates every field
and keeps no book, nautilus_trader keeps a book and makes typed events, ours keeps books and
touches. Rounds are interleaved, the best of each counts. Ends with 1 if a figure is missed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from polymarket.models.clob.market_events import parse_market_event

from bench.ingest_frames import markets_of, mixed, recorded
from domain.rules import StrategyRules, TriggerRules
from ingest.fold import Fold
from ingest.tokens import Tokens, TokenState
from venue.wire.market import Event, MarketDecoder

LEAST_RATE, MOST_P99_US, LEAST_RATIO = 100_000, 200.0, 2.0

OURS = "ours: decode, book, first touch"
Step = Callable[[bytes], object]


class Quiet:
    """A sink that counts."""

    def __init__(self) -> None:
        self.touches = 0

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Count."""
        self.touches += 1

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Ignore."""

    def level(self, state: TokenState) -> None:
        """Ignore."""

    def hint(self, kind: str, condition_id: str) -> None:
        """Ignore."""


def ours(frames: list[bytes], outcomes: tuple[int, ...]) -> Step:
    """Return decode, book, fold, as ingest does it for these outcomes."""
    tokens = Tokens(TriggerRules(), StrategyRules(outcome_indexes=outcomes))
    for market in markets_of(frames):
        tokens.put(market, taken=False)
    decode, apply = MarketDecoder().decode, Fold(tokens, Quiet()).apply
    return lambda frame: apply(decode(frame), 1, 1)


def sdk(frame: bytes) -> object:
    """Parse as the official SDK's stream does: text, JSON, models."""
    return parse_market_event(json.loads(frame.decode()))


def rate(step: Step, frames: list[bytes]) -> float:
    """Return frames per second of CPU."""
    gc.collect()
    began = time.process_time()
    for frame in frames:
        step(frame)
    return len(frames) / (time.process_time() - began)


def latencies(step: Step, frames: list[bytes]) -> list[float]:
    """Return the microseconds of each frame, sorted."""
    clock, found = time.perf_counter_ns, []
    for frame in frames:
        began = clock()
        step(frame)
        found.append((clock() - began) / 1000)
    return sorted(found)


def nautilus(python: str, frames: list[bytes], rounds: int) -> dict[str, float]:
    """Run bench/ingest_nautilus.py under an interpreter that has nautilus_trader."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        path.write_bytes(b"\n".join(frames))
        script = Path(__file__).with_name("ingest_nautilus.py")
        done = subprocess.run(
            [python, str(script), str(path), str(rounds)], check=True, capture_output=True
        )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(name: str, frames: list[bytes], rounds: int, python: str) -> bool:
    """Print one table; return whether the figures were reached."""
    limit = msgspec.json.Decoder(Event).decode
    steps: dict[str, Step] = {
        "msgspec alone, typed": limit,
        OURS: ours(frames, (0,)),
        "ours, both outcomes of every market": ours(frames, (0, 1)),
        "polymarket-client: parse": sdk,
    }
    best = dict.fromkeys(steps, 0.0)
    for _ in range(rounds):
        for label, step in steps.items():
            best[label] = max(best[label], rate(step, frames))
    spread = {label: latencies(step, frames) for label, step in steps.items()}
    if python:
        for label, value in nautilus(python, frames, rounds).items():
            best[label] = value
    mine = best[OURS]
    print(f"\n{name}: {len(frames)} frames, {statistics.fmean(map(len, frames)):.0f} B mean\n")
    print("| | frames/s | p50 µs | p99 µs | ours is |\n|---|---:|---:|---:|---:|")
    for label, value in best.items():
        found = spread.get(label)
        times = (
            f"{found[len(found) // 2]:.1f} | {found[len(found) * 99 // 100]:.0f}" if found else "| "
        )
        print(f"| {label} | {value:,.0f} | {times} | {mine / value:.2f} × |")
    p99 = spread[OURS][len(frames) * 99 // 100]
    beats = mine >= LEAST_RATIO * best["polymarket-client: parse"]
    return mine >= LEAST_RATE and p99 <= MOST_P99_US and beats


def main() -> int:
    """Run both tapes; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nautilus", default="", help="an interpreter that has nautilus_trader")
    given = parser.parse_args()
    good = measure("Mix 90/7/3", mixed(given.frames), given.rounds, given.nautilus)
    try:
        game = recorded(given.frames)
    except FileNotFoundError:
        print("\nNo recorded game here: its row is left out.")
    else:
        good = measure("Recorded game", game, given.rounds, given.nautilus) and good
    print(f"\nfigures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
