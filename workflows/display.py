"""What an operator sees of a trade in the Temporal Web UI."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.trade import Stage
from workflows.state import TradeState

MODE = SearchAttributeKey.for_keyword("Mode")
STAGE = SearchAttributeKey.for_keyword("Stage")
CONDITION = SearchAttributeKey.for_keyword("ConditionId")
TOKEN = SearchAttributeKey.for_keyword("TokenId")
EVENT = SearchAttributeKey.for_keyword("EventId")
STRATEGY = SearchAttributeKey.for_keyword("Strategy")
THRESHOLD = SearchAttributeKey.for_float("Threshold")
ENTRY_PRICE = SearchAttributeKey.for_float("EntryPrice")
PROFIT = SearchAttributeKey.for_float("RealisedProfit")


def money(amount: Decimal) -> str:
    """Return dollars for people: two to six places, no trailing zeros beyond cents."""
    text = f"{amount:.6f}".rstrip("0")
    whole, _, places = text.partition(".")
    return f"${whole}.{places:<02}" if len(places) < 2 else f"${whole}.{places}"


def number(value: Decimal) -> str:
    """Return a price or a number of shares without trailing zeros."""
    return f"{value.normalize():f}"


def show(state: TradeState, stage: Stage, note: str) -> None:
    """Move the trade to a stage and say so: search attributes and current details.

    Search attributes cost one history event, so they change with the stage alone.
    """
    state.note = note
    if state.stage is not stage:
        state.stage = stage
        updates: list[SearchAttributeUpdate[Any]] = [STAGE.value_set(stage.value)]
        if state.plan.strategy and stage is Stage.ENTERING:
            updates.append(STRATEGY.value_set(state.plan.strategy))
        if stage is Stage.HOLDING and state.shares:
            # A search attribute is a double by Temporal's types; the books keep the Decimal.
            updates.append(ENTRY_PRICE.value_set(_double(state.cost / state.shares)))
        workflow.upsert_search_attributes(updates)
    workflow.set_current_details(details(state))


def show_profit(profit: Decimal) -> None:
    """Set the search attribute of the realised profit, dollars."""
    workflow.upsert_search_attributes([PROFIT.value_set(_double(profit))])


def _double(value: Decimal) -> float:
    return round(value, 6).__float__()


def details(state: TradeState) -> str:
    """Return the small markdown table of the run's page."""
    trigger = state.trigger
    rows = [
        ("Stage", f"**{state.stage.value.replace('_', ' ')}** {clean(state.note)}"),
        ("Market", clean(trigger.question or trigger.condition_id)),
        ("Outcome", clean(trigger.outcome)),
        ("Touched", f"{number(trigger.price)} at {trigger.venue_time:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    if state.shares:
        rows.append(("Held", f"{number(state.shares)} shares for {money(state.cost)}"))
    if state.order is not None:
        order = state.order
        rows.append(
            ("Order", f"{order.side.value} {number(order.shares)} at {number(order.limit)}")
        )
        rows.append(("Order id", f"`{order.order_id}`"))
    if state.resolution is not None:
        payout = state.resolution.payouts.get(trigger.token_id)
        rows.append(("Payout", "unknown" if payout is None else number(payout)))
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| | |\n|---|---|\n{body}"


def clean(text: str) -> str:
    """Return untrusted text without anything markdown or a table would act upon (MON-H2)."""
    return "".join(" " if c in "|`<>[]\r\n*_\\" else c for c in text)[:300]
