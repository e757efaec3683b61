"""Faults by name: each is seeded, counted, windowed and matched, so that a run can be repeated."""

from __future__ import annotations

import random
from collections import deque
from copy import deepcopy
from typing import Any

import msgspec

from sim.state import Step, Trade
from sim.units import ONE

# Name -> what it does. `docs/venue-contract.md` gives each its card.
CATALOGUE: dict[str, str] = {
    "request_lost": "the connection ends before the request is read (T1)",
    "response_lost": "accepted, then the connection ends without an answer (T2)",
    "accepted_late": "no answer; accepted `delay_s` later (T3)",
    "cut_body": "accepted, then the answer ends in mid-body (T4)",
    "stall": "accepted, answered after `delay_s` (default 10)",
    "error_500": "500 could not run the execution, not accepted",
    "error_500_after": "accepted, then 500 could not run the execution",
    "bad_gateway": "502 with an HTML page, not accepted",
    "html_403": "403 with an HTML page, not accepted",
    "rate_429": "429 with Retry-After and Poly-RateLimit headers",
    "rate_429_bare": "429 without headers",
    "malformed_json": "accepted, then a 200 whose body is not JSON",
    "empty_body": "accepted, then a 200 without a body",
    "success_false": "200 with success false and an errorMsg, not accepted",
    "empty_id": "200 with success true, an empty orderID and an errorMsg, not accepted",
    "hashes_null": "accepted, `transactionsHashes` null",
    "legacy_hashes": "accepted, `transactionsHashes` instead of `tradeIDs`",
    "duplicated_first": "400 Duplicated although the order was never seen (H1)",
    "duplicate_rejected": "refused orders are remembered: a repeat answers Duplicated",
    "fak_live": "a FAK answers live with nothing matched and fills `delay_s` later",
    "unmatched_resting": "a marketable order answers unmatched and rests",
    "delayed": "answers delayed and matches `delay_s` later",
    "market_not_ready": "400 the market is not yet ready to process new orders",
    "match_delayed": "400 order match delayed due to market conditions; matches `delay_s` later",
    "cancel_race": "the order fills at its limit just before the cancel",
    "cancel_ack_lost": "cancelled, then the connection ends without an answer",
    "settle_retry": "MATCHED, RETRYING, MINED, CONFIRMED (`delay_s` in RETRYING)",
    "settle_fail": "MATCHED, RETRYING, FAILED",
    "settle_stuck": "stays MATCHED for `delay_s` (default 600)",
    "settle_split": "settles in two transactions of different bucket_index",
    "settle_split_fail": "as split, and the second transaction FAILED",
    "user_missing": "a user frame is not sent",
    "user_duplicate": "a user frame is sent twice",
    "user_delayed": "a user frame is sent `delay_s` later, after younger ones",
    "user_created_ms": "created_at in milliseconds",
    "user_prefixed": "trade status with the TRADE_STATUS_ prefix",
    "unknown_event": "a frame of an unknown event_type follows a market frame",
    "malformed_frame": "a market frame is followed by broken JSON",
    "market_missing": "a market frame is not sent (a gap in the stream)",
    "print_bare": "last_trade_price without size and transaction_hash",
    "resolved_missing": "market_resolved is not sent",
    "order_hidden": "reads hide a new order for `delay_s` (0 to 8 s)",
    "trades_hidden": "GET /data/trades answers an empty page",
    "gamma_late": "Gamma keeps saying that a resolved market is open",
    "key_revoked": "401 for one request; with args.for_good the key ends",
    "version_cutover": "400 invalid order version",
    "invalid_signature": "400 invalid signature",
    "balance_stale": "400 not enough balance / allowance although funded",
    "redeem_reverts": "the redemption fails on chain",
    "redeem_not_ready": "the redemption fails: result not received yet",
    "redeem_pays_zero": "the redemption burns and pays nothing",
    "redeem_done": "the venue redeems by itself just before",
    "relayer_quota": "429 quota exceeded",
    "relayer_stuck": "the transaction stays STATE_NEW for `delay_s` (default 600)",
}
# Windows of the whole venue, not of one request.
WINDOWS: dict[str, str] = {
    "restart": "425 for `window_s`, then post-only for args.post_only_s (default 120) (H2)",
    "post_only": "503 post-only mode",
    "cancel_only": "503 cancel-only",
    "disabled": "503 trading disabled",
    "market_stall": "market sockets fall silent, PONG goes on (W2)",
    "user_stall": "user sockets fall silent, PONG goes on",
}
# Done at once.
ACTS: dict[str, str] = {
    "drop_sockets": "every socket is closed (args.kind market or user)",
    "tick_change": "a new tick size for match.condition_id (args.tick)",
    "resolve": "the market resolves now (args.payouts, for 50/50 two halves)",
    "propose": "the oracle has a proposal for the market",
    "dispute": "the proposal is disputed",
    "hide_market": "Gamma or CLOB does not know the market (args.where)",
    "close_only": "the wallet may only sell",
    "ban": "the wallet is banned",
    "withdraw": "dollars leave the wallet on chain (args.usd)",
    "transfer_tokens": "shares leave the wallet on chain (args.token_id, args.shares)",
}


class Fault(msgspec.Struct, kw_only=True):
    """A planned fault. `match` compares with the context of the hook, `rate` is a probability."""

    name: str
    seed: int = 0
    count: int = 1
    window_s: float = 0
    rate: float = 1.0
    match: dict[str, str] = {}
    args: dict[str, Any] = {}
    id: int = 0
    until_ms: int = 0
    hits: int = 0

    def seconds(self, default: float) -> float:
        """Return args.delay_s."""
        return float(self.args.get("delay_s", default))


class Faults:
    """The planned faults and a log of what they did."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._plans: list[Fault] = []
        self._random: dict[int, random.Random] = {}
        self._number = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=10_000)

    def add(self, fault: Fault, now_ms: int) -> Fault:
        """Plan a fault.

        Raises:
            ValueError: the name is not in the catalogue.
        """
        if fault.name not in CATALOGUE and fault.name not in WINDOWS:
            known = ", ".join(sorted([*CATALOGUE, *WINDOWS, *ACTS]))
            raise ValueError(f"expected a fault of {known}, was {fault.name!r}")
        self._number += 1
        fault.id = self._number
        fault.until_ms = now_ms + int(fault.window_s * 1000) if fault.window_s else 0
        self._random[fault.id] = random.Random(f"{self._seed}:{fault.seed}:{fault.name}")  # noqa: S311  # a seed decides, no secret
        self._plans.append(fault)
        return fault

    @property
    def planned(self) -> bool:
        """Return whether any fault is planned at all."""
        return bool(self._plans)

    def clear(self) -> None:
        """Drop all plans."""
        self._plans.clear()

    def plans(self) -> list[Fault]:
        """Return the plans, used up or not."""
        return list(self._plans)

    def hit(self, name: str, now_ms: int, *, named: str = "", **context: str) -> Fault | None:
        """Return the fault to apply here and now, and count it; None for an ordinary course.

        With `named` only faults whose match names that key apply.
        """
        for fault in self._plans:
            if named and named not in fault.match:
                continue
            if fault.name == name and self._applies(fault, now_ms, context):
                fault.hits += 1
                self.log.append({"at_ms": now_ms, "name": name, "id": fault.id, **context})
                return fault
        return None

    def settle(self, trade: Trade, now_ms: int) -> list[Trade]:
        """Return the trade with the settlement that a fault gives it, perhaps split in two."""
        context = {
            "trade_id": trade.id,
            "side": trade.taker.side,
            "condition_id": trade.condition_id,
            "token_id": trade.taker.token_id,
        }
        for name in ("settle_fail", "settle_retry", "settle_stuck"):
            if fault := self.hit(name, now_ms, **context):
                _reroute(trade, fault, now_ms)
                return [trade]
        split = self.hit("settle_split", now_ms, **context)
        doomed = None if split else self.hit("settle_split_fail", now_ms, **context)
        if split or doomed:
            first, second = _split(trade)
            if doomed:
                _reroute(second, Fault(name="settle_fail", args=doomed.args), now_ms)
            return [first, second]
        return [trade]

    def _applies(self, fault: Fault, now_ms: int, context: dict[str, str]) -> bool:
        if fault.until_ms and now_ms > fault.until_ms:
            return False
        if fault.count and fault.hits >= fault.count:
            return False
        if any(context.get(key, "") != value for key, value in fault.match.items()):
            return False
        return fault.rate >= 1 or self._random[fault.id].random() < fault.rate


def _reroute(trade: Trade, fault: Fault, now_ms: int) -> None:
    mined = trade.steps[0].due_ms - now_ms
    retry = now_ms + mined
    wait = int(fault.seconds(mined / 1000) * 1000)
    if fault.name == "settle_fail":
        trade.steps = [Step(retry, "RETRYING"), Step(retry + wait, "FAILED")]
    elif fault.name == "settle_retry":
        later = [Step(retry + wait, "MINED"), Step(retry + wait + mined, "CONFIRMED")]
        trade.steps = [Step(retry, "RETRYING"), *later]
    else:
        late = int(fault.seconds(600) * 1000)
        trade.steps = [Step(step.due_ms + late, step.status) for step in trade.steps]


def _split(trade: Trade) -> tuple[Trade, Trade]:
    """Return two halves of a trade: one id, two buckets; each moves what its own match moves."""
    first, second = deepcopy(trade), deepcopy(trade)
    second.bucket = 1
    for half, rest in zip(first.legs(), second.legs(), strict=True):
        half.size = half.size // 2
        rest.size -= half.size
        half.usd, rest.usd = (x.size * x.price // ONE for x in (half, rest))  # each one rounded
    first.fee = trade.fee // 2
    second.fee = trade.fee - first.fee
    return first, second
