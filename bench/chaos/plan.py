"""Plan: everything a seed decides beforehand: markets, rules, faults, people, deaths."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from domain.rules import TradeRules
from sim.faults import Fault

MODES = ("restart", "post_only", "cancel_only", "disabled")
# Faults of the post itself (rows T1-T4, H1-H6, G1-G4 of the matrix).
ORDER_FAULTS = (
    "request_lost", "response_lost", "accepted_late", "cut_body", "stall", "error_500",
    "error_500_after", "bad_gateway", "html_403", "rate_429", "rate_429_bare", "malformed_json",
    "empty_body", "success_false", "empty_id", "hashes_null", "legacy_hashes", "duplicated_first",
    "duplicate_rejected", "fak_live", "unmatched_resting", "delayed", "market_not_ready",
    "match_delayed", "key_revoked", "version_cutover", "balance_stale",
)  # fmt: skip
LATER_FAULTS = (
    "cancel_race", "cancel_ack_lost", "settle_retry", "settle_fail", "settle_stuck", "settle_split",
    "settle_split_fail", "user_missing", "user_duplicate", "user_delayed", "user_created_ms",
    "user_prefixed", "order_hidden", "trades_hidden", "gamma_late", "redeem_reverts",
    "redeem_not_ready", "redeem_done", "redeem_pays_zero", "relayer_stuck", "user_stall",
)  # fmt: skip
READ_FAULTS = (
    "request_lost",
    "cut_body",
    "stall",
    "error_500",
    "bad_gateway",
    "rate_429",
    "html_403",
)
READS = (
    ("GET", "/data/trades"), ("GET", "/book"), ("GET", "/balance-allowance"), ("DELETE", "/order"),
    ("GET", "/balance-allowance/update"), ("GET", "/data/orders"), ("GET", "/gamma/markets"),
    ("GET", "/data-api/v2/resolutions"),
)  # fmt: skip
PAYOUTS = (("1", "0"), ("0", "1"), ("0.5", "0.5"))


@dataclass
class MarketPlan:
    """One market, its book over time and its end. Seconds after the start."""

    number: int
    protocol: str
    neg_risk: bool
    rate: str
    delay: int
    touch: float
    again: list[float]
    books: list[tuple[float, dict[str, str], dict[str, str]]]
    payouts: tuple[str, str]
    dispute: bool
    ends: float


@dataclass
class Plan:
    """What happens in one seed, and when."""

    seed: int
    markets: list[MarketPlan]
    rules: TradeRules
    faults: list[tuple[float, Fault]]
    people: list[tuple[float, str, int]]
    kills: list[float]
    dying: float
    freezing: float
    cutting: float
    renewing: bool
    config: dict[str, Any] = field(default_factory=dict)


def plan(seed: int) -> Plan:
    """Return the plan of a seed; the same seed is the same plan for ever."""
    dice = random.Random(f"chaos:{seed}")
    count = dice.choices((1, 2, 3), (6, 3, 1))[0]
    markets = [_market(dice, seed * 8 + n) for n in range(count)]
    end = max(market.ends for market in markets)
    violent = dice.random()
    return Plan(
        seed=seed,
        markets=markets,
        rules=_rules(dice),
        faults=_faults(dice, markets),
        people=_people(dice, count, end),
        kills=[dice.uniform(0, end) for _ in range(dice.choice((0, 0, 1, 2, 3)))],
        dying=violent * 0.12 if violent > 0.3 else 0,
        freezing=0.03 if dice.random() < 0.3 else 0,
        cutting=dice.choice((0, 0, 0.002, 0.01)),
        renewing=dice.random() < 0.1,
        config={
            "mined_ms": dice.choice((200, 1000, 4000)),
            "confirmed_ms": dice.choice((3000, 3000, 9000)),
            "relayer_ms": dice.choice((300, 3000)),
            "visible_ms": dice.choice((0, 0, 500, 3000)),
            "data_lag_ms": dice.choice((0, 1000, 5000)),
            "fee_in_shares": False,
            "taker_delay_ms": dice.choice((0, 0, 0, 250)),
        },
    )


def calm(seed: int, messages: int) -> Plan:
    """Return the plan of a seed without faults, deaths and people, but with stray messages.

    `messages` of them, repeated, late or of no meaning, reach its trades; the user stream says
    everything twice and half of it late. Levels are off, so that no message has a reason to act.
    """
    quiet, dice = plan(seed), random.Random(f"messages:{seed}")
    end = max(market.ends for market in quiet.markets)
    kinds = ("level", "spurious", "own")
    people = sorted(
        (dice.uniform(0, end), dice.choice(kinds), dice.randrange(len(quiet.markets)))
        for _ in range(messages)
    )
    late = {"delay_s": dice.uniform(1, 30)}
    storm = [
        (0.0, Fault(name="user_duplicate", count=0)),
        (0.0, Fault(name="user_delayed", count=0, rate=0.5, seed=seed, args=late)),
    ]
    exits = quiet.rules.exits.model_copy(update={"target": None, "stop": None, "max_hold": None})
    return replace(
        quiet,
        rules=quiet.rules.model_copy(update={"exits": exits}),
        faults=storm if messages else [],
        people=people,
        kills=[],
        dying=0,
        freezing=0,
        cutting=0,
        renewing=False,
    )


def _market(dice: random.Random, number: int) -> MarketPlan:
    ends = dice.choice((dice.uniform(45, 120), dice.uniform(90, 400)))
    books = [(0.0, *_book(dice, 95))]
    at = 0.0
    while (at := at + dice.expovariate(1 / 40)) < ends and len(books) < 7:
        books.append((at, *_book(dice, dice.choice((95, 95, 94, 97, 90, 80, 50)))))
    touch = dice.uniform(1, 20)
    return MarketPlan(
        number=number,
        protocol=dice.choice(("v1", "v1", "v2")),
        neg_risk=dice.random() < 0.2,
        rate=dice.choice(("0", "0", "0.02", "0.07")),
        delay=dice.choice((0, 0, 0, 0, 3)),
        touch=touch,
        again=[touch + dice.expovariate(1 / 90) for _ in range(dice.choice((0, 1, 2, 3)))],
        books=books,
        payouts=dice.choices(PAYOUTS, (6, 3, 1))[0],
        dispute=dice.random() < 0.15,
        ends=ends,
    )


def _book(dice: random.Random, middle: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return bids and asks around a middle of cents; thin, deep, or one side empty."""
    most = dice.choice((6, 15, 60, 400))

    def side(cents: list[int]) -> dict[str, str]:
        levels = [c for c in cents if 1 <= c <= 99 and dice.random() < 0.8]
        return {f"0.{c:02d}": f"{dice.randrange(100, most * 100) / 100:.2f}" for c in levels}

    bids, asks = side([middle - 1 - i for i in range(4)]), side([middle + i for i in range(4)])
    empty = dice.random()
    return ({} if empty < 0.03 else bids), ({} if empty > 0.97 else asks)


def _rules(dice: random.Random) -> TradeRules:
    seconds = dice.choice
    return TradeRules.model_validate(
        {
            "filters": {"min_time_to_end": "PT1S", "max_bid_gap": "0.30", "max_divergence": "0.20"},
            "strategy": {"size_filter": False},
            "score": {"provider": "market", "floor": "0.10"},
            "entry": {
                "stake": str(dice.choice((6, 10, 20))),
                "max_price": "0.98",
                "pay_up_to": dice.choice(("touch", "cap")),
                "style": dice.choice(("take", "take", "rest")),
                "rest_for": timedelta(seconds=seconds((200, 300))),
                "attempts": dice.choice((1, 1, 2, 3)),
                "max_book_age": timedelta(seconds=600),
            },
            "approval": {"required": dice.choice(("never",) * 7 + ("always",))},
            "risk": {
                "max_positions": dice.choice((1, 2, 50)),
                "max_per_market": str(dice.choice((10, 20))),
                "max_total": str(dice.choice((20, 1000))),
                "reserve_floor": str(dice.choice((100, 970))),
                "max_daily_loss": str(dice.choice((5, 100))),
            },
            "exits": {
                "target": dice.choice((None, "0.96", "0.99")),
                "stop": dice.choice((None, "0.60", "0.90")),
                "min_hold": timedelta(seconds=seconds((0, 30, 600_000))),
                "max_hold": dice.choice((None, None, timedelta(seconds=120))),
                "retry_every": timedelta(seconds=20),
            },
            "trigger": {"retry_after": timedelta(seconds=30)},
        }
    )


def _faults(dice: random.Random, markets: list[MarketPlan]) -> list[tuple[float, Fault]]:
    first = min(market.touch for market in markets)
    found: list[tuple[float, Fault]] = []
    for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4, 6))):
        kind = dice.random()
        at = max(0.0, first + dice.choice((-1.0, -1.0, dice.uniform(0, 120))))
        if kind < 0.45:
            found.append((at, _fault(dice, dice.choice(ORDER_FAULTS))))
        elif kind < 0.75:
            found.append((at, _fault(dice, dice.choice(LATER_FAULTS))))
        elif kind < 0.92:
            method, path = dice.choice(READS)
            name = dice.choice(READ_FAULTS)
            found.append((at, _fault(dice, name, method=method, path=path)))
        else:
            found.append((at, _window(dice)))
    return found


def _fault(dice: random.Random, name: str, **match: str) -> Fault:
    longest = {"settle_stuck": 60, "relayer_stuck": 60, "order_hidden": 8, "accepted_late": 45}
    delay = dice.uniform(0.1, longest.get(name, 30))
    count = dice.choice((1, 1, 2, 3, 8)) if name != "user_stall" else 0
    window = dice.uniform(20, 200) if count == 0 else 0.0
    return Fault(
        name=name,
        seed=dice.randrange(1 << 30),
        count=count,
        window_s=window,
        rate=dice.choice((1.0, 1.0, 0.5)),
        match=dict(match),
        args={"delay_s": delay, "retry_after": dice.choice((1, 5))},
    )


def _window(dice: random.Random) -> Fault:
    name = dice.choice(MODES)
    args = {"post_only_s": dice.choice((0, 30, 120))}
    return Fault(name=name, count=0, window_s=dice.uniform(3, 90), args=args)


def _people(dice: random.Random, count: int, end: float) -> list[tuple[float, str, int]]:
    """Return what people do: (when, what, to which trade)."""
    chances = {
        "exit_now": 0.2, "cancel": 0.06, "abandon": 0.05, "set_levels": 0.1, "terminate": 0.05,
        "halt": 0.06, "reducing": 0.06, "level": 0.3, "spurious": 0.3,
    }  # fmt: skip
    found = [
        (dice.uniform(0, end), what, dice.randrange(count))
        for what, chance in chances.items()
        for _ in range(2)
        if dice.random() < chance
    ]
    return sorted(found)
