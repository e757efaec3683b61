"""A desk with a memory: every activity of a trade, scripted, for tests of the story alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.messages import (
    AlertRequest,
    AnswerRequest,
    AskRequest,
    Booked,
    EndRequest,
    ExitPrepared,
    ExitRequest,
    HoldRequest,
    HoldView,
    LevelsRequest,
    News,
    Opened,
    OpenRequest,
    OrderRef,
    OrderRequest,
    OrderTruth,
    Posted,
    Redeemed,
    RedeemRequest,
    SettleRequest,
    TradeKey,
    TradePlan,
)
from activities.venue_errors import nothing_yet
from domain.decision import Decision, Verdict
from domain.market import Mode, Resolution
from domain.money import Shares, Usd, price, shares, usd
from domain.orders import Landing, Leg, OrderStatus, Side, TimeInForce
from domain.rules import ExitRules, PaceRules
from domain.trigger import TouchSource, Trigger

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TEN = shares(10)
ENTER = Decision(verdict=Verdict.ENTER, reason="score 0.98", filter="strategy")
SOON = timedelta(milliseconds=200)


def a_trigger(condition: str = "0xc0ffee") -> Trigger:
    """Return a touch of 0.95 by a print of 60 shares."""
    return Trigger(
        mode=Mode.PAPER,
        condition_id=condition,
        token_id="71",
        outcome="Yes",
        outcome_index=0,
        threshold=price("0.95"),
        price=price("0.95"),
        size=shares(60),
        source=TouchSource.TRADE,
        venue_time=NOW,
        seen_at=NOW,
        question="Will it <b>rain</b> | `gold`?",
    )


def order(leg: Leg, attempt: int, tif: TimeInForce = TimeInForce.FAK) -> OrderRef:
    """Return a stored order; its id says which one it is."""
    return OrderRef(
        order_id=f"0x{leg.value}{attempt}",
        leg=leg,
        attempt=attempt,
        side=Side.BUY if leg is Leg.ENTRY else Side.SELL,
        tif=tif,
        limit=price("0.95"),
        shares=TEN,
        post_before=NOW,
        expires_at=None,
    )


def plan(**changes: Any) -> TradePlan:
    """Return a plan with short waits."""
    known: dict[str, Any] = {
        "pace": PaceRules(fill_poll=SOON, hold_poll=SOON, resolution_poll=SOON, redeem_retry=SOON),
        "exits": ExitRules(retry_every=SOON),
        "retry_after_s": 60,
    }
    return TradePlan(**{**known, **changes})


class Desk:
    """Takes every order, fills it at once and resolves in our favour, unless scripted."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.held: Shares = shares(0)
        self.cost: Usd = usd(0)
        self.opened: list[Opened] = []
        self.truths: dict[str, list[OrderTruth]] = {}
        self.views: list[HoldView | None] = []  # None: nothing yet
        self.exits: list[ExitPrepared] = []
        self.resolve = True
        self.endings: list[EndRequest] = []
        self.alerts: list[AlertRequest] = []
        self.asked: list[AskRequest] = []
        self.levels: list[LevelsRequest] = []
        self.posted: list[str] = []
        self.cancelled: list[str] = []
        self.after_cancel: dict[str, OrderTruth] = {}
        self.plan = plan()
        self.preparing = asyncio.Event()  # set: an exit under way may be prepared
        self.preparing.set()
        self.not_ready = False  # the venue takes no post
        self.refusals = 0

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """Return what a worker registers."""
        return [
            self.open_trade,
            self.post_order,
            self.read_order,
            self.await_order,
            self.look,
            self.watch_position,
            self.prepare_exit,
            self.redeem,
            self.settle,
            self.end_trade,
            self.take_over,
            self.ask_person,
            self.close_approval,
            self.store_levels,
            self.raise_alert,
        ]

    @activity.defn
    async def open_trade(self, request: OpenRequest) -> Opened:
        """Answer ENTER with an order, or what the script says."""
        self.calls.append(f"open:{request.stage.value}")
        if self.opened:
            return self.opened.pop(0)
        entry = order(Leg.ENTRY, request.attempt)
        return Opened(won=True, decision=ENTER, plan=self.plan, order=entry)

    @activity.defn
    async def post_order(self, request: OrderRequest) -> Posted:
        """Land the order, or have it repeated."""
        if self.not_ready:
            self.refusals += 1
            raise ApplicationError("425", type="VenueNotReady", next_retry_delay=SOON)
        self.posted.append(request.order_id)
        return Posted(order_id=request.order_id, landing=Landing.LANDED)

    def _truth(self, order_id: str) -> OrderTruth:
        if order_id in self.cancelled and order_id in self.after_cancel:
            return self.after_cancel[order_id]
        script = self.truths.get(order_id)
        if script:
            truth = script.pop(0) if len(script) > 1 else script[0]
        else:
            truth = OrderTruth(
                order_id=order_id,
                status=OrderStatus.FILLED,
                filled=TEN,
                average=price("0.94"),
                terminal=True,
                evidence="trades add up",
            )
        bought = order_id.startswith("0xentry")
        self.held = truth.filled if bought else Shares(TEN - truth.filled)
        self.cost = usd(self.held * price("0.94"))
        return truth

    @activity.defn
    async def read_order(self, request: OrderRequest) -> OrderTruth:
        """Return the next truth of the script."""
        self.calls.append("cancel" if request.stop else "read")
        if request.stop:
            self.cancelled.append(request.order_id)
        return self._truth(request.order_id)

    @activity.defn
    async def await_order(self, request: OrderRequest) -> OrderTruth:
        """Return the next truth once it differs."""
        truth = self._truth(request.order_id)
        seen = truth.status is not OrderStatus.UNKNOWN
        if request.known_status is not None and seen is (
            request.known_status is OrderStatus.UNKNOWN
        ):
            return truth
        if truth.terminal or truth.filled != request.known_filled:
            return truth
        raise nothing_yet("same as before", SOON)

    def _view(self) -> HoldView:
        seen = {"shares": self.held, "confirmed": self.held, "cost": self.cost}
        if self.views:
            view = self.views.pop(0)
            if view is None:
                return HoldView(news=News.NOTHING, **seen)
            return view.model_copy(update=seen)
        if not self.held:
            return HoldView(news=News.GONE, reason="sold")
        if self.resolve:
            return HoldView(news=News.RESOLVED, reason="won", resolution=WON, **seen)
        return HoldView(news=News.NOTHING, **seen)

    @activity.defn
    async def look(self, request: HoldRequest) -> HoldView:
        """Return the next view of the script."""
        self.calls.append("look")
        return self._view()

    @activity.defn
    async def watch_position(self, request: HoldRequest) -> HoldView:
        """Return the next view that is news."""
        self.calls.append("watch")
        view = self._view()
        if view.news is News.NOTHING:
            raise nothing_yet("nothing to do", request.plan.pace.hold_poll)
        return view

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitPrepared:
        """Return a sale, or what the script says."""
        self.calls.append(f"prepare_exit:{request.attempt}")
        await self.preparing.wait()
        if self.exits:
            return self.exits.pop(0)
        return ExitPrepared(order=order(Leg.EXIT, request.attempt))

    @activity.defn
    async def redeem(self, request: RedeemRequest) -> Redeemed:
        """Pay a dollar a share."""
        self.calls.append("redeem")
        return Redeemed(proceeds=usd(self.held))

    @activity.defn
    async def settle(self, request: SettleRequest) -> Booked:
        """Book the profit."""
        self.calls.append("settle")
        return Booked(
            shares=self.held,
            cost=self.cost,
            proceeds=request.proceeds,
            profit=usd(request.proceeds - self.cost),
        )

    @activity.defn
    async def end_trade(self, request: EndRequest) -> None:
        """Remember the ending."""
        self.endings.append(request)

    @activity.defn
    async def take_over(self, key: TradeKey) -> TradePlan:
        """Remember the taking; what is held was there before."""
        self.calls.append("take_over")
        self.held, self.cost = TEN, usd("9.4")
        return self.plan

    @activity.defn
    async def ask_person(self, request: AskRequest) -> None:
        """Remember the question."""
        self.asked.append(request)

    @activity.defn
    async def close_approval(self, request: AnswerRequest) -> None:
        """Remember the answer."""
        self.calls.append(f"answer:{request.state}")

    @activity.defn
    async def store_levels(self, request: LevelsRequest) -> None:
        """Remember the levels."""
        self.levels.append(request)

    @activity.defn
    async def raise_alert(self, request: AlertRequest) -> None:
        """Remember the alert."""
        self.alerts.append(request)


WON = Resolution(condition_id="0xc0ffee", payouts={"71": price(1)}, sources=("clob", "data"))


def unknown(order_id: str) -> OrderTruth:
    """Return the truth of an order nobody knows anything of."""
    return OrderTruth(order_id=order_id, status=OrderStatus.UNKNOWN, evidence="no list holds it")


def killed(order_id: str) -> OrderTruth:
    """Return the truth of an order that found nothing to match."""
    return OrderTruth(
        order_id=order_id, status=OrderStatus.KILLED, terminal=True, evidence="killed"
    )


def failing(kind: str) -> ApplicationError:
    """Return a failure of a kind that ends retries."""
    return ApplicationError("scripted", type=kind, non_retryable=True)
