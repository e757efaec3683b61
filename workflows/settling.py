"""Settling: from the resolution to the last cent, and one closed book for each trade."""

from __future__ import annotations

from temporalio import workflow

from activities.messages import Booked, RedeemRequest, SettleRequest
from activities.settlement import SettlementActivities
from domain.trade import Stage
from workflows import options
from workflows.display import money, number, show, show_profit
from workflows.state import TradeState


async def redeem(state: TradeState) -> None:
    """Turn the shares of a resolved market into money; losers are worth nothing, and done.

    Waits inside the retries of one activity until the venue proves that the shares are gone
    and the proceeds were asked for with the balance refreshed (G4, EXE-M3).
    """
    assert state.resolution is not None  # noqa: S101 - the caller saw RESOLVED
    payout = state.resolution.payouts.get(state.key.token_id)
    show(state, Stage.RESOLVED, f"pays {number(payout) if payout is not None else 'unknown'}")
    if payout is not None and payout > 0:
        show(state, Stage.REDEEMING, f"{number(state.shares)} shares at {number(payout)}")
    redeemed = await workflow.execute_activity_method(
        SettlementActivities.redeem,
        RedeemRequest(key=state.key, resolution=state.resolution),
        **options.say(options.WAIT, "Redeem, and wait for the proceeds"),
    )
    state.proceeds = redeemed.proceeds


async def settle(state: TradeState, reason: str) -> Booked:
    """Close the books of the trade and return them; repeating it changes nothing."""
    booked = await workflow.execute_activity_method(
        SettlementActivities.settle,
        SettleRequest(
            key=state.key, resolution=state.resolution, proceeds=state.proceeds, reason=reason
        ),
        **options.say(options.RECORD, "Close the books"),
    )
    profit = "unknown" if booked.profit is None else money(booked.profit)
    show(state, Stage.SETTLED, f"profit {profit}")
    if booked.profit is not None:
        show_profit(booked.profit)
    return booked
