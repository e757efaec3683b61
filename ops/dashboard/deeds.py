"""Deeds: every action of the dashboard, what it asks, what it says before, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from domain.money import Price, price
from domain.trade import HaltState
from ops.actions.refusal import Refused
from ops.dashboard.desk import Desk
from ops.dashboard.wording import dollars, number
from store.account import Account
from store.alerts import Alerts
from store.audit import Audit
from store.claims import Claims
from store.desk_trades import DeskTrades
from store.markets import Markets
from store.scores import Blocks

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the confirmation."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    price: bool = False


WHY = Field("why", "Reason (kept in the audit)")


@dataclass(frozen=True, slots=True)
class Deed:
    """One action. `says` tells in plain words what will happen; `does` returns what did."""

    name: str
    title: str
    button: str
    says: Callable[[Desk, Form], Awaitable[str]]
    does: Callable[[Desk, Form, str], Awaitable[str]]
    back: str  # where to go afterwards; `{id}` is the target
    fields: tuple[Field, ...] = (WHY,)
    loud: bool = False


def target(form: Form) -> str:
    """Return what the action is aimed at.

    Raises:
        Refused: nothing was named.
    """
    found = form.get("id", "").strip()
    if not found or len(found) > 200:
        raise Refused("expected the id of a trade, market or alert", missing=True)
    return found


def price_in(form: Form, name: str) -> Price | None:
    """Return a price field, None when it was left empty.

    Raises:
        Refused: it is no price between 0 and 1.
    """
    text = form.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refused(f"{name} must be a price between 0 and 1, was {text[:20]!r}") from None
    if not value.is_finite() or not 0 < value < 1:
        raise Refused(f"{name} must be a price between 0 and 1, was {text[:20]!r}")
    return price(value)


def _switch(name: str, state: HaltState, button: str, effect: str, loud: bool) -> Deed:
    async def says(desk: Desk, _: Form) -> str:
        account = await Account(desk.pool).get(desk.mode)
        return (
            f"{effect} It is {account.halt.value} now, with {account.open_slots} open trades and"
            f" {dollars(account.reserved)} reserved in {desk.mode.value} mode."
        )

    async def does(desk: Desk, form: Form, who: str) -> str:
        why = form.get("why", "").strip() or f"{name} in the dashboard"
        affected = await Account(desk.pool).halt(desk.mode, state, who, why[:500], desk.clock())
        return f"{state.value}: {affected} open trades are affected."

    return Deed(name, f"{button}?", button, says, does, "/", loud=loud)


async def _about(desk: Desk, form: Form) -> str:
    trade = await DeskTrades(desk.pool).one(desk.mode, target(form))
    if trade is None:
        raise Refused(f"no trade {target(form)} in {desk.mode.value} mode", missing=True)
    held = f"It holds {number(trade.shares)} shares for {dollars(trade.cost)}."
    return f"{trade.outcome} · {trade.question or trade.condition_id}. {held}"


async def _says_approve(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} The trade may then buy. Price, book, funds and limits are"
        " checked once more first; if they no longer fit, nothing is bought."
    )


async def _does_approve(desk: Desk, form: Form, who: str) -> str:
    return (await desk.trades.approve(target(form), who, form.get("why", ""))).text


async def _says_reject(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} Nothing is bought, and this market is not traded at this"
        " threshold again unless you allow it."
    )


async def _does_reject(desk: Desk, form: Form, who: str) -> str:
    return (await desk.trades.reject(target(form), who, form.get("why", ""))).text


async def _says_exit(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} It is sold at the best verified bid as soon as the exit gate"
        " lets it pass (spread, slippage, half of the entry price at least)."
    )


async def _does_exit(desk: Desk, form: Form, who: str) -> str:
    least = price_in(form, "min_price")
    return (await desk.trades.exit_now(target(form), who, form.get("why", ""), least)).text


async def _says_levels(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} Both levels are replaced; an empty field removes that level."
    )


async def _does_levels(desk: Desk, form: Form, who: str) -> str:
    above, below = price_in(form, "target"), price_in(form, "stop")
    return (await desk.trades.set_levels(target(form), who, above, below)).text


async def _says_abandon(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} Working orders are cancelled and read back. Nothing is sold:"
        " the shares stay in the wallet and nobody looks after them. This cannot be undone."
    )


async def _does_abandon(desk: Desk, form: Form, who: str) -> str:
    return (await desk.trades.abandon(target(form), who, form.get("why", ""))).text


async def _says_redeem(desk: Desk, form: Form) -> str:
    return (
        f"{await _about(desk, form)} It looks at its market's resolution now; if that is final,"
        " the shares are redeemed. Otherwise nothing changes."
    )


async def _does_redeem(desk: Desk, form: Form, who: str) -> str:
    return (await desk.redeeming.look(target(form), who, form.get("why", ""))).text


async def _says_block(desk: Desk, form: Form) -> str:
    market = await Markets(desk.pool).get(target(form))
    name = market.question if market else target(form)
    return f"{name}: no new trade is entered. Open trades of this market go on."


async def _does_block(desk: Desk, form: Form, who: str) -> str:
    why = form.get("why", "").strip() or "blocked in the dashboard"
    new = await Blocks(desk.pool).add(target(form), who, why[:500], desk.clock())
    return "Blocked." if new else "It was blocked already."


async def _says_unblock(desk: Desk, form: Form) -> str:
    market = await Markets(desk.pool).get(target(form))
    return f"{market.question if market else target(form)}: may be traded again."


async def _does_unblock(desk: Desk, form: Form, who: str) -> str:
    done = await Blocks(desk.pool).remove(
        target(form), who, form.get("why", "")[:500], desk.clock()
    )
    return "The block is lifted." if done else "It was not blocked."


async def _says_allow(desk: Desk, form: Form) -> str:
    return f"{await _about(desk, form)} It was declined; a later touch may start a trade again."


async def _does_allow(desk: Desk, form: Form, who: str) -> str:
    claim = await Claims(desk.pool).get(desk.mode, target(form))
    if claim is None:
        raise Refused(f"no trade {target(form)} in {desk.mode.value} mode", missing=True)
    why = form.get("why", "").strip() or "allowed in the dashboard"
    done = await Claims(desk.pool).allow(
        desk.mode, claim.condition_id, claim.threshold, who, why[:500], desk.clock()
    )
    return "A later touch may start it again." if done else "It was not declined."


async def _says_seen(_: Desk, __: Form) -> str:
    return "The alert leaves the front page. It stays in the list, with your name."


async def _does_seen(desk: Desk, form: Form, who: str) -> str:
    found = target(form)
    if not found.isdigit() or len(found) > 15:
        raise Refused("expected the number of an alert", missing=True)
    done = await Alerts(desk.pool).acknowledge(int(found), who)
    result = "acknowledged" if done else "was acknowledged before, or does not exist"
    await Audit(desk.pool).write(who, "acknowledge", found, "", result, desk.clock())
    return f"The alert is {result}." if done else f"It {result}."


MIN_PRICE = Field(
    "min_price", "At least this price", "empty: any price the gate accepts", price=True
)
LEVELS = (
    Field("target", "Target: sell at this bid or above", "e.g. 0.99", price=True),
    Field("stop", "Stop: sell at this bid or below", "e.g. 0.90", price=True),
)
_STOPS = "Nothing is posted any more, neither buys nor exits. Open trades are still looked after."
_REDUCES = "No new trade is entered. Exits and settlements go on."
_GOES = "The bot trades again: touches are entered, exits are posted."

DEEDS: Mapping[str, Deed] = {
    deed.name: deed
    for deed in (
        _switch("halt", HaltState.HALTED, "Halt everything", _STOPS, loud=True),
        _switch("reduce", HaltState.REDUCING, "Exits only", _REDUCES, loud=True),
        _switch("resume", HaltState.ACTIVE, "Resume trading", _GOES, loud=False),
        Deed(
            "approve", "Approve this entry?", "Approve", _says_approve, _does_approve, "/approvals"
        ),
        Deed(
            "reject",
            "Reject this entry?",
            "Reject",
            _says_reject,
            _does_reject,
            "/approvals",
            loud=True,
        ),
        Deed(
            "exit",
            "Sell this position now?",
            "Sell now",
            _says_exit,
            _does_exit,
            "/trades/{id}",
            (MIN_PRICE, WHY),
            loud=True,
        ),
        Deed(
            "levels",
            "Set target and stop?",
            "Set levels",
            _says_levels,
            _does_levels,
            "/trades/{id}",
            LEVELS,
        ),
        Deed(
            "abandon",
            "Abandon this trade?",
            "Abandon",
            _says_abandon,
            _does_abandon,
            "/trades/{id}",
            loud=True,
        ),
        Deed("redeem", "Redeem now?", "Redeem now", _says_redeem, _does_redeem, "/trades/{id}"),
        Deed(
            "block", "Block this market?", "Block", _says_block, _does_block, "/markets", loud=True
        ),
        Deed("unblock", "Lift this block?", "Unblock", _says_unblock, _does_unblock, "/markets"),
        Deed("allow", "Let it trigger again?", "Allow", _says_allow, _does_allow, "/trades/{id}"),
        Deed(
            "seen", "Acknowledge this alert?", "Acknowledge", _says_seen, _does_seen, "/alerts", ()
        ),
    )
}
