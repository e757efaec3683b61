"""Ledger: the books of one trade, folded from its fills, corrections and ending.

Nothing is ever undone by hand: a reversed or late fill is one more fold. So the books do not
depend on the order in which news arrived, and each part of the position that was given up is
exactly one exit with its profit, or with an explicit unknown (XD-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.money import DUST, ZERO, Price, Shares, Usd, moved, usd
from domain.orders import Fill, FillStatus, Side
from domain.positions import Holding, PositionState
from domain.record import Id, Record, Utc


class ExitKind(StrEnum):
    """How shares left the position."""

    SALE = "sale"  # one per SELL order
    ADJUSTMENT = "adjustment"  # they were found to be gone
    RESOLUTION = "resolution"
    EXTERNAL = "external"  # the whole rest, given up without a result: dust


class Adjustment(Record):
    """Shares that came or went without a fill of ours; `cost` None is unknown."""

    key: Id
    shares: Decimal  # negative takes away
    cost: Usd | None = None
    at: Utc


class Ending(Record):
    """What became of the shares that were left. `proceeds` None means payout times shares."""

    kind: ExitKind  # resolution or external
    payout: Price | None
    proceeds: Usd | None = None
    reason: str
    at: Utc


class Exit(Record):
    """One part of the position given up. `profit` is net of its share of all fees."""

    exit_id: Id
    kind: ExitKind
    final: bool = False  # nothing was left afterwards
    shares: Shares
    cost: Usd
    proceeds: Usd | None
    fees: Usd
    profit: Usd | None
    reason: str
    at: Utc


class Books(Record):
    """The whole state of a trade's position."""

    holding: Holding
    cost_known: bool
    exits: tuple[Exit, ...]
    state: PositionState
    opened_at: Utc | None
    closed_at: Utc | None
    payout: Price | None

    @property
    def profit(self) -> Usd | None:
        """Return the net profit of all exits, or None when one of them is unknown."""
        known = [e.profit for e in self.exits if e.profit is not None]
        return usd(sum(known, ZERO)) if len(known) == len(self.exits) else None


class _Fold:
    """The running state; private to this module."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.holding = Holding()
        self.cost_known = True
        self.entry_fees = Usd(ZERO)  # paid for the shares still held
        self.reasons = reasons
        self.exits: dict[str, Exit] = {}
        self.opened_at: datetime | None = None

    def apply(self, event: Fill | Adjustment) -> None:
        if isinstance(event, Adjustment):
            self._adjust(event)
        elif event.side is Side.BUY:
            final = event.status is FillStatus.CONFIRMED
            self.opened_at = self.opened_at or event.matched_at
            self.holding = self.holding.bought_more(
                event.shares, event.price, event.fee, final=final
            )
            self.entry_fees = Usd(self.entry_fees + event.fee)
        else:
            self._sell(event)

    def _sell(self, fill: Fill) -> None:
        before = self.holding
        final = fill.status is FillStatus.CONFIRMED
        self.holding = before.sold_some(fill.shares, fill.price, fill.fee, final=final)
        fees = Usd(self._fees_out(before) + fill.fee)
        proceeds = moved(fill.price, fill.shares)
        reason = self.reasons.get(fill.order_id, "") or "sold"
        ours = fill.shares
        if fill.shares - before.shares >= DUST:  # a drift of dust is still our own sale
            ours = before.shares
            self._oversell(fill, Shares(fill.shares - ours), Usd(ZERO) if ours else fees)
            proceeds = moved(fill.price, ours)
        if ours:
            self._leave(fill.order_id, ExitKind.SALE, before, ours, proceeds, fees, reason,
                        fill.matched_at)  # fmt: skip

    def _oversell(self, fill: Fill, over: Shares, fees: Usd) -> None:
        """Book what was sold beyond what we held: what it had cost, these books cannot know."""
        proceeds = Usd(moved(fill.price, fill.shares) - moved(fill.price, fill.shares - over))
        self._leave(f"{fill.order_id}:over", ExitKind.SALE, self.holding, over, proceeds, fees,
                    "sold beyond what is held", fill.matched_at, known=False)  # fmt: skip

    def _adjust(self, a: Adjustment) -> None:
        before = self.holding
        if a.shares > 0:
            self.cost_known = self.cost_known and a.cost is not None
            change = {
                "shares": before.shares + a.shares,
                "shares_confirmed": before.shares_confirmed + a.shares,
                "cost": before.cost + (a.cost or ZERO),
            }
            self.holding = before.model_copy(update=change)
            self.opened_at = self.opened_at or a.at
            return
        gone = min(-a.shares, before.shares)
        self._take_out(gone)
        fees = self._fees_out(before)
        self._leave(a.key, ExitKind.ADJUSTMENT, before, gone, None, fees, "found gone", a.at)

    def end(self, ending: Ending, key: str) -> None:
        before = self.holding
        if not before.shares:
            return
        paid = ending.proceeds
        if paid is None and ending.payout is not None:
            paid = usd(before.shares * ending.payout)
        self._take_out(before.shares)
        fees = self._fees_out(before)
        self._leave(key, ending.kind, before, before.shares, paid, fees, ending.reason, ending.at)

    def _take_out(self, shares: Decimal) -> None:
        h = self.holding
        out = h.cost if shares == h.shares else usd(h.cost * shares / h.shares)
        change = {
            "shares": h.shares - shares,
            "shares_confirmed": h.shares_confirmed - shares,
            "cost": h.cost - out,
        }
        self.holding = h.model_copy(update=change)

    def _fees_out(self, before: Holding) -> Usd:
        """Take the entry fees of the shares that just left; the last share takes the rest."""
        left = self.holding.shares
        keep = usd(self.entry_fees * left / before.shares) if left else Usd(ZERO)
        out = Usd(self.entry_fees - keep)
        self.entry_fees = keep
        return out

    def _leave(
        self,
        key: str,
        kind: ExitKind,
        before: Holding,
        shares: Decimal,
        proceeds: Usd | None,
        fees: Usd,
        reason: str,
        at: datetime,
        *,
        known: bool = True,
    ) -> None:
        cost = Usd(before.cost - self.holding.cost)
        known = known and self.cost_known and proceeds is not None
        profit = usd((proceeds or ZERO) - cost - fees) if known else None
        was = self.exits.pop(key, None)  # popped, so that the latest exit comes last
        self.exits[key] = Exit(
            exit_id=key,
            kind=kind,
            shares=Shares(shares + (was.shares if was else ZERO)),
            cost=usd(cost + (was.cost if was else ZERO)),
            proceeds=_sum(proceeds, was.proceeds if was else Usd(ZERO)),
            fees=usd(fees + (was.fees if was else ZERO)),
            profit=_sum(profit, was.profit if was else Usd(ZERO)),
            reason=reason,
            at=at,
        )


def keep_books(
    trade: str,
    fills: Iterable[Fill],
    adjustments: Iterable[Adjustment] = (),
    ending: Ending | None = None,
    *,
    unmanaged: bool = False,
    reasons: Mapping[str, str] | None = None,
) -> Books:
    """Return the books of a trade from everything that is known of it, in any order.

    `trade` names the final exit; `reasons` says why each exit order was placed, by order id.
    FAILED fills never happened. A fill that is found after the ending is part of what ended.
    """
    events: list[Fill | Adjustment] = [f for f in fills if f.status is not FillStatus.FAILED]
    fold = _Fold(reasons or {})
    for event in sorted([*events, *adjustments], key=_place):
        fold.apply(event)
    if ending:
        fold.end(ending, f"end:{trade}")
    exits = list(fold.exits.values())
    open_ = fold.holding.shares > 0
    if exits and not open_:
        exits[-1] = exits[-1].model_copy(update={"final": True})
    return Books(
        holding=fold.holding,
        cost_known=fold.cost_known,
        exits=tuple(exits),
        state=_state(open_, unmanaged, exits),
        opened_at=fold.opened_at,
        closed_at=None if open_ or not exits else exits[-1].at,
        payout=ending.payout if ending else None,
    )


def _state(open_: bool, unmanaged: bool, exits: list[Exit]) -> PositionState:
    if open_:
        return PositionState.UNMANAGED if unmanaged else PositionState.OPEN
    resolved = bool(exits) and exits[-1].kind is ExitKind.RESOLUTION
    return PositionState.RESOLVED if resolved else PositionState.CLOSED


def _place(event: Fill | Adjustment) -> tuple[datetime, bool, str]:
    """Order by the venue's time; of one moment, what brings shares goes first."""
    if isinstance(event, Adjustment):
        return event.at, event.shares < 0, event.key
    return event.matched_at, event.side is Side.SELL, f"{event.trade_id} {event.order_id}"


def _sum(a: Usd | None, b: Usd | None) -> Usd | None:
    return None if a is None or b is None else usd(a + b)
