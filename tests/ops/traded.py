"""A traded morning in the store, made through the store's own classes, for reports and the CLI."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from domain.decision import Decision, DecisionStage, Verdict
from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import (
    Fill,
    FillStatus,
    Intent,
    Landing,
    Leg,
    OrderStatus,
    Side,
    SignedOrder,
    TimeInForce,
)
from domain.rules import RiskRules
from domain.trigger import TouchSource, Trigger
from store.account import Account
from store.claims import Claims
from store.decisions import DecisionRow, Decisions
from store.fills import Fills
from store.orders import Orders
from store.positions import Positions

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def trigger(name: str) -> Trigger:
    return Trigger(
        mode=Mode.PAPER,
        condition_id=f"0x{name}",
        token_id=f"token-{name}",
        outcome="Up",
        outcome_index=0,
        threshold=price("0.95"),
        price=price("0.96"),
        source=TouchSource.QUOTE,
        venue_time=AT,
        seen_at=AT,
        question=f"Will {name} go [red]up[/]?",
        slug=f"will-{name}",
    )


def intent(name: str) -> Intent:
    touch = trigger(name)
    return Intent(
        mode=Mode.PAPER,
        workflow_id=touch.workflow_id,
        run_id="run",
        leg=Leg.ENTRY,
        attempt=1,
        condition_id=touch.condition_id,
        token_id=touch.token_id,
        side=Side.BUY,
        tif=TimeInForce.FAK,
        limit=price("0.97"),
        shares=shares(10),
        funds=usd("9.80"),
        tick=price("0.01"),
        post_before=AT + timedelta(seconds=20),
    )


class Morning:
    """Writes trades step by step."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.pool = pool

    async def fund(self) -> None:
        await Account(self.pool).set_balance(Mode.PAPER, usd(1000), AT)

    async def touch(self, name: str) -> None:
        await Claims(self.pool).take(trigger(name), "run", AT)

    async def decide(self, name: str, verdict: Verdict, rule: str) -> None:
        touch = trigger(name)
        decision = Decision(
            verdict=verdict, reason=f"because of {rule}", filter=rule, values={"score": "0.97"}
        )
        await Decisions(self.pool).record(
            DecisionRow(
                workflow_id=touch.workflow_id,
                run_id="run",
                mode=Mode.PAPER,
                condition_id=touch.condition_id,
                token_id=touch.token_id,
                threshold=touch.threshold,
                stage=DecisionStage.SCREENING,
                decision=decision,
                at=AT,
            )
        )

    async def order(self, name: str) -> str:
        """Prepare and post a buy 120 ms after the touch; returns the order id."""
        at = AT + timedelta(milliseconds=120)
        order_id = f"order-{name}"
        signed = SignedOrder(
            order_id=order_id,
            body="{}",
            maker_amount=Decimal("9.70"),
            taker_amount=Decimal(10),
            signed_at=at,
        )
        orders = Orders(self.pool)
        await orders.prepare(intent(name), signed, RiskRules(), at)
        await orders.posting(order_id, at)
        return order_id

    async def buy(self, name: str) -> None:
        """Touch, order and fill 10 shares at 0.96 with a fee of 0.02."""
        await self.touch(name)
        await self.decide(name, Verdict.ENTER, "strategy")
        order_id = await self.order(name)
        at = AT + timedelta(seconds=1)
        await Orders(self.pool).landed(order_id, Landing.LANDED, OrderStatus.LIVE, "matched", at)
        fill = Fill(
            trade_id=f"trade-{name}",
            order_id=order_id,
            token_id=f"token-{name}",
            side=Side.BUY,
            price=price("0.96"),
            shares=shares(10),
            fee=usd("0.02"),
            status=FillStatus.CONFIRMED,
            matched_at=at,
        )
        await Fills(self.pool).apply(Mode.PAPER, fill, at)
        await Orders(self.pool).close(order_id, OrderStatus.FILLED, "venue", at)

    async def settle(self, name: str) -> None:
        """Resolve at 1: proceeds 10, cost 9.60, fee 0.02, profit 0.38."""
        workflow_id = trigger(name).workflow_id
        at = AT + timedelta(minutes=15)
        await Positions(self.pool).settle(workflow_id, price(1), usd(10), "won", at)

    async def pass_by(self, name: str, *, for_good: bool = False) -> None:
        """Touch and not enter."""
        touch = trigger(name)
        await self.touch(name)
        await self.decide(name, Verdict.IGNORE if for_good else Verdict.HOLD, "score")
        key = (Mode.PAPER, touch.condition_id, touch.threshold, "run")
        if for_good:
            await Claims(self.pool).decline(*key, "score", AT)
        else:
            await Claims(self.pool).release(*key, "score low", AT + timedelta(minutes=5), AT)

    async def whole(self) -> None:
        """Two settled, one held, one not entered, one declined, one of unknown fate."""
        await self.fund()
        for name in ("a", "b", "c"):
            await self.buy(name)
        for name in ("a", "b"):
            await self.settle(name)
        await self.pass_by("d")
        await self.pass_by("e", for_good=True)
        await self.touch("f")
        await Orders(self.pool).landed(
            await self.order("f"), Landing.UNKNOWN, OrderStatus.UNKNOWN, "no answer", AT
        )
