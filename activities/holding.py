"""Holding activities: look at an open position, or wait until there is something to do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity

from activities.balance import refresh_balance
from activities.clock import Clock
from activities.fills import apply_fills
from activities.messages import HoldRequest, HoldView, News, TradeKey
from activities.venue_errors import nothing_yet, venue_failures
from domain.book import Book
from domain.exits import ExitContext, ExitReading, check_exit
from domain.market import Resolution
from domain.money import DUST
from domain.orders import FillStatus
from domain.positions import Position
from store.account import Account
from store.alerts import Alerts, Priority
from store.fills import Fills
from store.positions import Positions
from venue.errors import Drift, Refused, VenueError
from venue.polymarket import Venue

FINAL = frozenset({FillStatus.CONFIRMED, FillStatus.FAILED})
ASKED_FOR = 8.0  # seconds: a service that hangs must leave a look the time to judge the exit
COOL_DOWN = timedelta(days=1)


class HoldingActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        fills: Fills,
        positions: Positions,
        account: Account,
        alerts: Alerts,
        clock: Clock,
    ) -> None:
        self._venue, self._fills, self._alerts = venue, fills, alerts
        self._positions, self._account, self._clock = positions, account, clock

    @activity.defn
    async def look(self, request: HoldRequest) -> HoldView:
        """Look once: settlement of fills, the book, the exit rules, the resolution."""
        return await self._look(request)

    @activity.defn
    async def watch_position(self, request: HoldRequest) -> HoldView:
        """Return when there is news; until then look again at the pace of the position.

        The best bid seen and the readings below the stop live in the heartbeat, which survives
        retries and the death of a worker.

        Raises:
            ApplicationError: NothingYet, with its own next look; adds no history.
        """
        memory = activity.info().heartbeat_details
        if memory:
            reading = ExitReading.model_validate(memory[0])
            request = request.model_copy(
                update={"high": reading.high, "below_stop": reading.below_stop}
            )
        view = await self._look(request)
        activity.heartbeat(
            ExitReading(high=view.high, below_stop=view.below_stop).model_dump(mode="json")
        )
        if view.news is News.NOTHING and view.confirmed == view.shares and view.shares >= DUST:
            raise nothing_yet(_describe(view), self._pause(request, view))
        if view.news is News.NOTHING:
            raise nothing_yet("waiting for the settlement of fills", request.plan.pace.fill_poll)
        return view

    def _pause(self, request: HoldRequest, view: HoldView) -> timedelta:
        """Return how long until the next look: often near the end, seldom before it."""
        pace, end = request.plan.pace, request.plan.end_time
        if end is not None and self._clock() >= end - pace.resolution_poll:
            return pace.resolution_poll
        if view.below_stop:
            return pace.resolution_poll
        return pace.hold_poll

    async def _look(self, request: HoldRequest) -> HoldView:
        await self._settle_fills(request)
        position = await self._positions.get(request.key.workflow_id, request.key.mode)
        if position is None:  # a trade holds because it bought: the books lost it, nobody sold it
            return HoldView(news=News.LOST, reason="the books do not know this position")
        if position.dust:
            return await self._gone(request, position)
        seen = HoldView(
            news=News.NOTHING,
            shares=position.shares,
            confirmed=position.shares_confirmed,
            cost=position.cost,
            high=request.high,
            below_stop=request.below_stop,
        )
        resolution, unknown = await self._resolution(request.key)
        if resolution is not None:
            return self._resolved(seen, position, resolution)
        book = await self._book(request.key.token_id)
        view = self._check_exit(request, seen, position, book)
        if unknown and view.news is News.NOTHING:
            reason = f"{view.reason}; {unknown}" if view.reason else unknown
            return view.model_copy(update={"reason": reason})
        return view

    async def _resolution(self, key: TradeKey) -> tuple[Resolution | None, str]:
        """Return the resolution and, where it could not be read now, why.

        Only a settlement needs it: a stop must not wait for the services that tell results,
        since it is the CLOB that buys the shares.
        """
        try:
            async with asyncio.timeout(ASKED_FOR):
                return await self._venue.resolution(key.condition_id), ""
        except Drift as e:
            await self._tell_drift(key, e)
            why = str(e)
        except (VenueError, TimeoutError) as e:
            why = str(e) or "no answer in time"
        activity.logger.warning("resolution_unknown", extra={"why": why})
        return None, f"the resolution is not known now: {why}"

    async def _tell_drift(self, key: TradeKey, error: Drift) -> None:
        await self._alerts.put(
            f"resolution-drift:{key.mode}:{key.condition_id}",
            Priority.HIGH,
            "The result of a market cannot be read",
            f"{error}. The exit rules of its trades go on, but nothing is redeemed or settled"
            " before the answer is understood.",
            COOL_DOWN,
            self._clock(),
            key.mode,
        )

    async def _gone(self, request: HoldRequest, position: Position) -> HoldView:
        """Nothing is left, once every fill is final: a failed sale gives its shares back (G1)."""
        fills = await self._fills.of_workflow(request.key.workflow_id, request.key.mode)
        final = all(f.status in FINAL for f in fills)
        return HoldView(
            news=News.GONE if final else News.NOTHING,
            reason="nothing is held any more" if final else "sold; the sale is still settling",
            shares=position.shares,
            confirmed=position.shares_confirmed,
            cost=position.cost,
            high=request.high,
        )

    def _resolved(self, seen: HoldView, position: Position, resolution: Resolution) -> HoldView:
        """A disputed resolution is none yet (R2); unsettled fills are waited for first."""
        if resolution.disputed:
            return seen.model_copy(update={"reason": "the resolution is disputed"})
        if position.shares_confirmed != position.shares:
            return seen.model_copy(update={"reason": "resolved; fills are still settling"})
        return seen.model_copy(
            update={
                "news": News.RESOLVED,
                "reason": "the market resolved",
                "resolution": resolution,
            }
        )

    async def _settle_fills(self, request: HoldRequest) -> None:
        """Ask for the settlement of every fill that is not final, and apply what changed."""
        changed = 0
        with venue_failures():
            known = await self._fills.of_workflow(request.key.workflow_id, request.key.mode)
            for order_id in sorted({f.order_id for f in known if f.status not in FINAL}):
                fills = await self._venue.fills(order_id, request.key.condition_id)
                changed += (await apply_fills(self._fills, request.key.mode, fills, self._clock))[0]
            if changed:
                await refresh_balance(self._venue, self._account, request.key.mode, self._clock)

    async def _book(self, token_id: str) -> Book | None:
        """Return the book, or None when the market has none any more."""
        with venue_failures():
            try:
                return await self._venue.book(token_id)
            except Refused:
                return None

    def _check_exit(
        self, request: HoldRequest, seen: HoldView, position: Position, book: Book | None
    ) -> HoldView:
        if book is None:
            return seen.model_copy(update={"reason": "no book: waiting for the resolution"})
        rules = request.plan.exits.model_copy(
            update={"target": request.target, "stop": request.stop}
        )
        signal = check_exit(
            ExitContext(
                position=position,
                book=book,
                now=self._clock(),
                held_since=request.held_since or position.opened_at,
                age_known=request.age_known,
                reading=ExitReading(high=request.high, below_stop=request.below_stop),
                end_time=request.plan.end_time,
                fee=request.plan.fee,
            ),
            rules,
        )
        return seen.model_copy(
            update={
                "news": News.EXIT if signal.exit else News.NOTHING,
                "reason": signal.reason,
                "bid": book.best_bid,
                "ask": book.best_ask,
                "high": signal.reading.high,
                "below_stop": signal.reading.below_stop,
            }
        )


def _describe(view: HoldView) -> str:
    bid = "no bid" if view.bid is None else f"bid {view.bid:f}"
    return f"{view.shares:f} shares, {bid}: {view.reason or 'nothing to do'}"
