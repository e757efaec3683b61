"""Faults that happen at once or change the whole venue for a while."""

from __future__ import annotations

from typing import Any

from sim.engine import Engine
from sim.faults import ACTS, Fault
from sim.market import SimMarket
from sim.playback import tick_event
from sim.resolution import resolve
from sim.units import ONE, micro

MODES = ("restart", "post_only", "cancel_only", "disabled")


def perform(engine: Engine, fault: Fault, now_ms: int) -> dict[str, Any] | None:
    """Do an act or enter a mode and say what was done; plan everything else and return None.

    Raises:
        ValueError: unknown name, market or argument.
    """
    if fault.name in MODES:
        return _enter(engine, fault, now_ms)
    if fault.name not in ACTS:
        engine.faults.add(fault, now_ms)
        return None
    if fault.name == "drop_sockets":
        return {"done": engine.hub.drop(str(fault.args.get("kind", "")))}
    if fault.name in _WALLET_ACTS:
        account = engine.memory.account(fault.match["wallet"])
        _WALLET_ACTS[fault.name](engine, account, fault.args, now_ms)
        engine.memory.touch_account(account)
    else:
        _MARKET_ACTS[fault.name](engine, _market(engine, fault), fault.args, now_ms)
    return {"done": True}


def _enter(engine: Engine, fault: Fault, now_ms: int) -> dict[str, Any]:
    until = now_ms + int(fault.window_s * 1000)
    engine.modes.enter(fault.name, until)
    if fault.name == "restart":
        after = float(fault.args.get("post_only_s", 120))
        engine.modes.enter("post_only", until + int(after * 1000))
        if fault.args.get("drop_sockets", True):
            engine.hub.drop("")
    return {"until_ms": until}


def _market(engine: Engine, fault: Fault) -> SimMarket:
    market = engine.exchange.markets.get(fault.match.get("condition_id", "").lower())
    if market is None:
        raise ValueError(f"expected match.condition_id of a known market, was {fault.match}")
    return market


def _tick(engine: Engine, market: SimMarket, args: dict[str, Any], now_ms: int) -> None:
    tick_event(engine, market, micro(str(args["tick"])), now_ms)


def _resolve(engine: Engine, market: SimMarket, args: dict[str, Any], now_ms: int) -> None:
    first, second = (micro(str(item)) for item in args.get("payouts", ["1", "0"]))
    if first + second != ONE:
        raise ValueError(f"expected payouts that add up to 1, was {args['payouts']}")
    resolve(engine.exchange, market, (first, second), now_ms)


def _propose(engine: Engine, market: SimMarket, args: dict[str, Any], now_ms: int) -> None:
    market.oracle = "proposed"


def _dispute(engine: Engine, market: SimMarket, args: dict[str, Any], now_ms: int) -> None:
    market.oracle, market.was_disputed = "disputed", True


def _hide(engine: Engine, market: SimMarket, args: dict[str, Any], now_ms: int) -> None:
    hidden = bool(args.get("hidden", True))
    if args.get("where") == "gamma":
        market.gamma_hidden = hidden
    else:
        market.clob_hidden = hidden


def _close_only(engine: Engine, account: Any, args: dict[str, Any], now_ms: int) -> None:
    account.closed_only = bool(args.get("on", True))


def _ban(engine: Engine, account: Any, args: dict[str, Any], now_ms: int) -> None:
    account.banned = bool(args.get("on", True))


def _withdraw(engine: Engine, account: Any, args: dict[str, Any], now_ms: int) -> None:
    engine.fund(account.address, -micro(str(args["usd"])), cached=bool(args.get("refresh", False)))


def _transfer(engine: Engine, account: Any, args: dict[str, Any], now_ms: int) -> None:
    token, shares = str(args["token_id"]), micro(str(args["shares"]))
    account.tokens[token] = account.tokens.get(token, 0) - shares
    account.moved[token] = account.moved.get(token, 0) - shares
    engine.exchange.revalidate(account.address, now_ms)


_MARKET_ACTS = {
    "tick_change": _tick,
    "resolve": _resolve,
    "propose": _propose,
    "dispute": _dispute,
    "hide_market": _hide,
}
_WALLET_ACTS = {
    "close_only": _close_only,
    "ban": _ban,
    "withdraw": _withdraw,
    "transfer_tokens": _transfer,
}
