"""Sizing: dollars in, shares out, in amounts that the venue accepts.

A marketable BUY names dollars with at most two places and shares with at most four, a SELL
shares with two and dollars with four (facts 1.6, 3.2). Shares are cut to four places, which
puts the implied price dollars/shares a hair above the limit, never a tick: that hair is what
lets the order cross at the limit itself.
"""

from __future__ import annotations

from decimal import Decimal

from domain.book import Book
from domain.market import Fee, Market
from domain.money import (
    CENT,
    MIN_NOTIONAL,
    ONE,
    TAKER_STEP,
    ZERO,
    Price,
    Shares,
    Usd,
    ceil_to,
    floor_to,
    plain,
    usd,
)
from domain.orders import Side, TimeInForce
from domain.record import Record
from domain.rules import EntryRules

HALF = Decimal("0.5")


class Amounts(Record):
    """What the signed order gives and asks at least; dollars or shares by side."""

    maker: Decimal
    taker: Decimal


class OrderPlan(Record):
    """One order, ready to become an `Intent`: same names, same units."""

    side: Side
    limit: Price
    shares: Shares
    funds: Usd  # dollars to promise, highest possible fee included; 0 for a SELL
    tick: Price
    amounts: Amounts

    @property
    def notional(self) -> Usd:
        """Return the dollars that change hands at most (BUY) or at least (SELL), before fees."""
        return Usd(self.amounts.maker if self.side is Side.BUY else self.amounts.taker)


class NoPlan(Record):
    """Why no order can be made; `filter` names the rule, as in a Decision."""

    filter: str
    reason: str
    values: dict[str, str] = {}


def worst_price(touched: Price, rules: EntryRules) -> Price:
    """Return the most to pay a share: min(touched, cap), or the cap where the settings say so.

    A print is a price somebody paid, hence the limit (spec Q1). A touched quote is a bid, below
    every offer: limited to it nothing would ever be bought.
    """
    return rules.max_price if rules.pay_up_to == "cap" else min(touched, rules.max_price)


def limit_price(touched: Price, max_price: Price, tick: Price) -> Price | None:
    """Return min(touched, max_price) on the tick grid, rounded down (spec Q1).

    None means that the grid has no price that low.
    """
    limit = Price(min(floor_to(min(touched, max_price), tick), ONE - tick))
    return limit if limit >= tick else None


def venue_amounts(side: Side, tif: TimeInForce, limit: Price, shares: Shares) -> Amounts:
    """Return maker and taker amount of a signed order for a planned limit and share count.

    Resting orders (GTC, GTD) are exact: shares with two places times the price. Marketable
    ones round to the venue's places in our favour or, for a BUY's dollars, up to the cent.
    """
    dollars = shares * limit
    if tif in (TimeInForce.GTC, TimeInForce.GTD):
        pair = (dollars, shares)
    elif side is Side.BUY:
        pair = (ceil_to(dollars, CENT), shares)
    else:
        pair = (floor_to(dollars, TAKER_STEP), shares)
    maker, taker = pair if side is Side.BUY else (shares, pair[0])
    return Amounts(maker=maker, taker=taker)


def plan_entry(
    stake: Usd, limit: Price, market: Market, book: Book, *, tif: TimeInForce = TimeInForce.FAK
) -> OrderPlan | NoPlan:
    """Return the BUY that spends at most `stake` (fees on top) at `limit` or better.

    The tick and the minimum size are the book's, which knows a change before the catalogue.
    """
    if limit <= 0 or limit % book.tick or not book.tick <= limit <= ONE - book.tick:
        return NoPlan(
            filter="tick",
            reason=f"expected a limit on the {plain(book.tick)} grid, was {plain(limit)}",
            values={"limit": plain(limit), "tick": plain(book.tick)},
        )
    resting = tif in (TimeInForce.GTC, TimeInForce.GTD)
    dollars = floor_to(stake, CENT)
    shares = Shares(floor_to(dollars / limit, CENT if resting else TAKER_STEP))
    values = {"stake": plain(stake), "limit": plain(limit), "shares": plain(shares)}
    if shares < book.min_size:
        bought, least = plain(shares), plain(book.min_size)
        reason = f"{plain(dollars)} dollars buy {bought} shares, the market wants {least}"
        return NoPlan(filter="min_size", reason=reason, values=values)
    amounts = venue_amounts(Side.BUY, tif, limit, shares)
    if amounts.maker < MIN_NOTIONAL:
        least = plain(MIN_NOTIONAL)
        reason = f"{plain(amounts.maker)} dollars are below the venue's minimum of {least}"
        return NoPlan(filter="min_notional", reason=reason, values=values)
    promised = amounts.maker + fee_allowance(amounts.maker, limit, book.best_ask, market.fee)
    return OrderPlan(
        side=Side.BUY,
        limit=limit,
        shares=shares,
        funds=usd(promised),
        tick=book.tick,
        amounts=amounts,
    )


def fee_allowance(dollars: Decimal, limit: Price, best_ask: Price | None, fee: Fee) -> Usd:
    """Return the highest fee that spending `dollars` between best ask and limit can cost.

    A lower fill price buys more shares, each with a higher fee below 0.95: hence the best ask
    counts, and the price nearest to one half. Rounded up to the cent: an allowance, not a fee.
    """
    low = limit if best_ask is None else min(best_ask, limit)
    steepest = min(max(HALF, low), limit)
    highest = fee.charge(Shares(dollars / low), steepest)
    return Usd(ceil_to(highest, CENT)) if highest > 0 else Usd(ZERO)


def plan_exit(held: Shares, limit: Price, book: Book) -> OrderPlan | NoPlan:
    """Return the SELL of what the venue says we hold, at the verified bid (G12, G13).

    Cut to two places of a share; what remains is dust and goes to resolution.
    """
    shares = Shares(floor_to(held, CENT))
    values = {"held": plain(held), "limit": plain(limit)}
    if shares < book.min_size:
        reason = f"{plain(held)} shares held, the market takes no fewer than {plain(book.min_size)}"
        return NoPlan(filter="min_size", reason=reason, values=values)
    price = Price(ceil_to(limit, book.tick))
    if not book.tick <= price <= ONE - book.tick:
        reason = f"expected a bid within the {plain(book.tick)} grid, was {plain(limit)}"
        return NoPlan(filter="tick", reason=reason, values=values)
    amounts = venue_amounts(Side.SELL, TimeInForce.FAK, price, shares)
    return OrderPlan(
        side=Side.SELL, limit=price, shares=shares, funds=Usd(ZERO), tick=book.tick, amounts=amounts
    )
