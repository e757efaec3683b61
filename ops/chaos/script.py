"""Script: what a seed does to a whole stack, and when; a function of the seed alone."""

from __future__ import annotations

import random
from typing import Any, Literal, NamedTuple

Act = Literal["kill", "freeze", "cut", "stall", "fault", "point", "halt"]

PARTS = (
    "worker-1",
    "worker-2",
    "worker-1",
    "worker-2",
    "ingest-1",
    "ingest-2",
    "temporal",
    "postgres",
)
FAULTS = (
    "request_lost", "response_lost", "cut_body", "error_500", "error_500_after", "bad_gateway",
    "html_403", "rate_429", "rate_429_bare", "malformed_json", "empty_body", "success_false",
    "duplicated_first", "fak_live", "unmatched_resting", "delayed", "market_not_ready",
    "match_delayed", "settle_retry", "settle_fail", "settle_split", "settle_split_fail",
    "user_missing", "user_duplicate", "user_delayed", "user_prefixed", "user_created_ms",
    "order_hidden", "trades_hidden", "gamma_late", "redeem_reverts", "redeem_not_ready",
    "redeem_done", "relayer_quota", "accepted_late", "stall", "unknown_event", "malformed_frame",
    "market_missing", "resolved_missing", "cancel_race", "cancel_ack_lost", "balance_stale",
)  # fmt: skip
WINDOWS = ("restart", "post_only", "cancel_only", "disabled", "market_stall", "user_stall")


class Step(NamedTuple):
    """One blow: seconds after the tape began, what, to whom, and how."""

    at: float
    act: Act
    who: str
    how: dict[str, Any]


def script(seed: int, seconds: float, points: tuple[str, ...]) -> list[Step]:
    """Return the blows of a seed in order of time, over `seconds`."""
    dice = random.Random(f"stack:{seed}")  # noqa: S311 - repeatable, not secret
    steps = [_blow(dice, seconds) for _ in range(dice.randrange(4, 10))]
    steps += [_fault(dice, seconds) for _ in range(dice.randrange(2, 8))]
    for worker in ("worker-1", "worker-2"):
        if points and dice.random() < 0.7:
            how = {"point": f"{dice.choice(points)}:{dice.choice((1, 1, 2, 3))}"}
            steps.append(Step(0.0, "point", worker, how))
    return sorted(steps)


def _blow(dice: random.Random, seconds: float) -> Step:
    at, act = (
        dice.uniform(0, seconds),
        dice.choices(("kill", "freeze", "cut", "stall", "halt"), (5, 2, 2, 1, 1))[0],
    )
    match act:
        case "kill":
            return Step(at, "kill", dice.choice(PARTS), {})
        case "freeze":
            return Step(at, "freeze", dice.choice(PARTS[:6]), {"seconds": dice.uniform(1, 18)})
        case "halt":
            return Step(at, "halt", dice.choice(("halted", "reducing")), {"seconds": 4.0})
        case "cut":
            return Step(at, "cut", dice.choice(("database", "temporal")), {})
    return Step(at, "stall", dice.choice(("database", "temporal")), {"seconds": dice.uniform(1, 8)})


def _fault(dice: random.Random, seconds: float) -> Step:
    at = dice.uniform(0, seconds)
    args = {"delay_s": dice.uniform(0.2, 15), "retry_after": 1, "post_only_s": dice.choice((0, 5))}
    seed = dice.randrange(1 << 30)
    if dice.random() < 0.2:
        how = {"window_s": dice.uniform(1, 10), "args": args, "seed": seed}
        return Step(at, "fault", dice.choice(WINDOWS), how)
    how = {
        "count": dice.choice((1, 2, 4)),
        "rate": dice.choice((1.0, 0.5)),
        "args": args,
        "seed": seed,
    }
    return Step(at, "fault", dice.choice(FAULTS), how)
