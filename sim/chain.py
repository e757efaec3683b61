"""The chain as far as the bot meets it: transactions that redeem, and reads of balances."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from sim import calls
from sim.market import SimMarket
from sim.resolution import NotRedeemable, redeem
from sim.state import Account, Chain, Step
from sim.units import ONE

if TYPE_CHECKING:
    from sim.engine import Engine

CONFIRMED, FAILED = "STATE_CONFIRMED", "STATE_FAILED"


def submit(engine: Engine, account: Account, sent: list[calls.Call], now_ms: int) -> Chain:
    """Accept a transaction; it happens on the chain after `relayer_ms`."""
    number = len(engine.memory.chain) + 1
    stamp = f"{account.address}:{number}"
    wait = engine.config.relayer_ms
    steps = [
        Step(now_ms + wait // 3, "STATE_EXECUTED"),
        Step(now_ms + 2 * wait // 3, "STATE_MINED"),
        Step(now_ms + wait, CONFIRMED),
    ]
    if fault := engine.faults.hit("relayer_stuck", now_ms, wallet=account.address.lower()):
        late = int(fault.seconds(600) * 1000)
        steps = [Step(step.due_ms + late, step.status) for step in steps]
    transaction = Chain(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, stamp)),
        account=account.address,
        hash="0x" + hashlib.sha256(stamp.encode()).hexdigest(),
        steps=steps,
        calls=sent,
    )
    account.nonce += 1
    engine.memory.touch_account(account)
    engine.memory.put("chain", transaction.id, transaction)
    return transaction


def advance(engine: Engine, now_ms: int) -> None:
    """Move transactions along; calls happen when one is mined."""
    for transaction in engine.memory.chain.values():
        while transaction.steps and transaction.steps[0].due_ms <= now_ms:
            step = transaction.steps.pop(0)
            transaction.state = step.status
            if step.status == "STATE_MINED":
                _execute(engine, transaction, now_ms)
            engine.memory.put("chain", transaction.id, transaction)


def _execute(engine: Engine, transaction: Chain, now_ms: int) -> None:
    account = engine.memory.account(transaction.account)
    wanted = [calls.redeemed_condition(data) for _, data in transaction.calls]
    try:
        for condition in dict.fromkeys(c for c in wanted if c is not None):
            _redeem(engine, account, condition, now_ms)
    except NotRedeemable as reason:
        transaction.state, transaction.error = FAILED, f"execution reverted: {reason}"
        transaction.steps = []


def _redeem(engine: Engine, account: Account, condition: str, now_ms: int) -> None:
    context = {"condition_id": condition, "wallet": account.address.lower()}
    if engine.faults.hit("redeem_reverts", now_ms, **context):
        raise NotRedeemable("call failed")
    if engine.faults.hit("redeem_not_ready", now_ms, **context):
        raise NotRedeemable("result for condition not received yet")
    if engine.faults.hit("redeem_done", now_ms, **context):
        redeem(engine.exchange, account, condition, now_ms)
    pays = engine.faults.hit("redeem_pays_zero", now_ms, **context) is None
    redeem(engine.exchange, account, condition, now_ms, pays=pays)


def read(engine: Engine, data: str) -> str:
    """Return what an eth_call answers, ABI-encoded.

    Raises:
        NotRedeemable: the call is unknown here, as a revert.
    """
    raw = data.removeprefix("0x").lower()
    name, words = raw[:8], [raw[8 + i : 72 + i] for i in range(0, len(raw) - 8, 64)]
    if name == calls.BALANCE_OF:
        return _word(_wallet(engine, words[0]).usd)
    if name == calls.BALANCE_1155:
        return _word(_wallet(engine, words[0]).tokens.get(str(int(words[1], 16)), 0))
    if name == calls.BALANCE_BATCH:
        return _batch(engine, words)
    if name == calls.ALLOWANCE:
        return _word(2**256 - 1)
    if name == calls.APPROVED_ALL:
        return _word(1)
    return _payout(engine, name, words)


def _payout(engine: Engine, name: str, words: list[str]) -> str:
    market: SimMarket | None = engine.exchange.markets.get("0x" + words[0]) if words else None
    payouts = market.payouts if market is not None else None
    if name == calls.PAYOUT_DENOMINATOR:
        return _word(ONE if payouts else 0)
    if name == calls.PAYOUT_NUMERATORS:
        return _word(payouts[int(words[1], 16)] if payouts else 0)
    raise NotRedeemable("execution reverted")


def _batch(engine: Engine, words: list[str]) -> str:
    owners = _array(words, int(words[0], 16) // 32)
    ids = _array(words, int(words[1], 16) // 32)
    held = [
        _wallet(engine, owner).tokens.get(str(int(token, 16)), 0)
        for owner, token in zip(owners, ids, strict=True)
    ]
    body = "".join(f"{value:064x}" for value in [32, len(held), *held])
    return "0x" + body


def _array(words: list[str], at: int) -> list[str]:
    count = int(words[at], 16)
    return words[at + 1 : at + 1 + count]


def _wallet(engine: Engine, word: str) -> Account:
    return engine.memory.account("0x" + word[-40:])


def _word(value: int) -> str:
    return f"0x{value:064x}"
