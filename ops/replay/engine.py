"""The engine of a replay: events in, touches, decisions and trades out. No clock, no I/O.

What differs from live is written here and nowhere else: an order reaches the book `delay`
after its touch, its fill is what the recorded book offered then, and fills settle at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from domain.context import ScreenContext
from domain.decision import Decision, Verdict, hold
from domain.entry import OrderPlan, plan_exit
from domain.exits import ExitContext, ExitReading, check_exit, conditional_from
from domain.gates import exit_gate
from domain.market import Market, Mode
from domain.money import MICRO, Price, Shares, from_micros, micros
from domain.positions import Position
from domain.rules import TradeRules
from domain.score import ScoreRequest
from domain.screen import check_entry, screen
from domain.strategy import Strategy
from domain.touch import Seen
from domain.trigger import TouchSource, Trigger
from ops.replay.account import Purse
from ops.replay.books import MarketBook
from ops.replay.events import Event, Levels, Oracle, Resolved, Ticked, Traded, moment
from ops.replay.scores import Scores
from ops.replay.trades import Decided, Trade

EPOCH = 0  # a recording is one stretch: nothing says where it had gaps


class Replay:
    """Feed it every event in order; then read `decisions`, `trades` and the counts."""

    def __init__(
        self,
        markets: Iterable[Market],
        rules: TradeRules,
        strategy: Strategy,
        scores: Scores,
        *,
        purse: Purse,
        delay: timedelta = timedelta(0),
    ) -> None:
        self._rules, self._strategy, self._scores = rules, strategy, scores
        self._purse, self._delay = purse, delay
        self._quotes = rules.trigger.source is TouchSource.QUOTE
        threshold, wanted = micros(rules.trigger.threshold), rules.strategy.outcome_indexes
        self._books = {m.condition_id: MarketBook(m, threshold, wanted) for m in markets}
        self._rest: dict[str, datetime] = {}  # no touch of this market counts before
        self._sent: deque[tuple[datetime, Trade]] = deque()
        self._reading: dict[str, ExitReading] = {}
        self._next_exit: dict[str, datetime] = {}
        self.decisions: list[Decided] = []
        self.trades: dict[str, Trade] = {}
        self.events = self.prints = self.touches = 0
        self.last_ms = 0

    def feed(self, event: Event) -> None:
        """Fold in one event. One about a market that was not announced is an error.

        Raises:
            KeyError: the condition is unknown.
        """
        now = moment(event.at_ms)
        self.events += 1
        self.last_ms = max(self.last_ms, event.at_ms)
        self._arrive(now)
        seen = self._books[event.condition_id]
        self._end_rest(seen, now)
        match event:
            case Levels(bids=bids, asks=asks, whole=whole):
                seen.change(bids, asks, whole)
                self._quoted(seen, event.at_ms)
                self._look(seen, now)
            case Traded():
                self.prints += 1
                self._printed(seen, event)
            case Ticked(tick=tick):
                seen.tick = Price(from_micros(tick))
            case Oracle(status=status):
                seen.market = seen.market.model_copy(update={"resolution_status": status})
            case Resolved(payouts=payouts):
                self._resolve(seen, payouts, now)

    def finish(self) -> None:
        """Let the orders arrive that were still under way."""
        self._arrive(moment(self.last_ms) + self._delay)

    def bid(self, trade: Trade) -> Price | None:
        """Return the best bid for what a trade holds, at the end of what was fed."""
        seen = self._books[trade.market.condition_id]
        return seen.book(trade.token.index, moment(self.last_ms)).best_bid

    def _quoted(self, seen: MarketBook, at_ms: int) -> None:
        if not self._quotes:
            return
        for index, touch in seen.touches.items():
            bid = seen.best_bid(index)
            if touch.observe(bid, at_ms, EPOCH) is Seen.TOUCH:
                self._touched(seen, index, bid, None, at_ms)

    def _printed(self, seen: MarketBook, event: Traded) -> None:
        token = seen.market.token(event.token_id)
        touch = None if token is None else seen.touches.get(token.index)
        if token is None or touch is None or self._quotes:
            return
        if touch.observe(event.price, event.at_ms, EPOCH) is Seen.TOUCH:
            self._touched(seen, token.index, event.price, event.size, event.at_ms)

    def _touched(
        self, seen: MarketBook, index: int, price: int, size: int | None, at_ms: int
    ) -> None:
        """Do what ingest, screening and entering do on a touch."""
        market, now = seen.market, moment(at_ms)
        if market.condition_id in self.trades or market.condition_id in self._rest:
            return
        self.touches += 1
        token = market.tokens[index]
        trigger = Trigger(
            mode=Mode.PAPER,
            condition_id=market.condition_id,
            token_id=token.token_id,
            outcome=token.outcome,
            outcome_index=index,
            threshold=self._rules.trigger.threshold,
            price=Price(from_micros(price)),
            size=None if size is None else Shares(from_micros(size)),
            source=self._rules.trigger.source,
            venue_time=now,
            seen_at=now,
            question=market.question,
            event_id=market.event_id,
        )
        context = self._context(seen, trigger, now)
        decision = screen(context, self._rules, self._strategy)
        plan = self._plan(context, decision, now)
        self._note(trigger, plan if isinstance(plan, Decision) else decision)
        if isinstance(plan, OrderPlan):
            trade = Trade(market, token, trigger, plan)
            self.trades[market.condition_id] = trade
            self._sent.append((now + self._delay, trade))
            self._purse.promise(trade, plan)
            self._arrive(now)
        else:
            forever = decision.for_good
            rest = timedelta.max if forever else self._rules.trigger.retry_after
            self._rest[market.condition_id] = _later(now, rest)

    def _context(self, seen: MarketBook, trigger: Trigger, now: datetime) -> ScreenContext:
        book = seen.book(trigger.outcome_index, now)
        request = ScoreRequest(
            token_id=trigger.token_id, market=seen.market, book=book, now=now
        )
        return ScreenContext(
            trigger=trigger, market=seen.market, now=now, book=book, score=self._scores(request)
        )

    def _plan(
        self, context: ScreenContext, decision: Decision, now: datetime
    ) -> OrderPlan | Decision:
        """Return the order of an ENTER that the limits allow, else why there is none."""
        if decision.verdict is not Verdict.ENTER:
            return decision
        plan = check_entry(context, self._rules, decision)
        if isinstance(plan, Decision):
            return plan
        breach = self._purse.refuse(context.trigger, plan, self._rules.risk, now)
        if breach is None:
            return plan
        return hold(breach.limit, breach.text, value=breach.value, maximum=breach.maximum)

    def _note(self, trigger: Trigger, decision: Decision) -> None:
        self.decisions.append(
            Decided(
                at=trigger.venue_time,
                condition_id=trigger.condition_id,
                token_id=trigger.token_id,
                question=trigger.question,
                outcome=trigger.outcome,
                price=trigger.price,
                decision=decision,
            )
        )

    def _arrive(self, now: datetime) -> None:
        """Fill the orders that have reached the venue by now, against the book of now."""
        while self._sent and self._sent[0][0] <= now:
            due, trade = self._sent.popleft()
            seen = self._books[trade.market.condition_id]
            filled = trade.enter(seen.book(trade.token.index, due), due)
            self._purse.filled(trade)
            if not filled:
                self._note(trade.trigger, hold("killed", "the offer was gone when we arrived"))
                del self.trades[trade.market.condition_id]
                self._rest[trade.market.condition_id] = due + self._rules.trigger.retry_after

    def _end_rest(self, seen: MarketBook, now: datetime) -> None:
        condition = seen.market.condition_id
        if condition in self._rest and self._rest[condition] <= now:
            del self._rest[condition]
            for touch in seen.touches.values():
                touch.rearm()

    def _look(self, seen: MarketBook, now: datetime) -> None:
        """Do what holding and exiting do: ask the exit rules once conditional exits begin."""
        trade = self.trades.get(seen.market.condition_id)
        if trade is None or not trade.open:
            return
        rules, condition = self._rules.exits, seen.market.condition_id
        begins = self._next_exit.get(condition) or conditional_from(trade.opened_at, rules)
        if begins is None or now < begins:
            return
        book = seen.book(trade.token.index, now)
        signal = check_exit(self._exit_context(trade, book, now), rules)
        self._reading[condition] = signal.reading
        self._next_exit[condition] = now + self._rules.pace.resolution_poll
        average = trade.holding.average
        if not signal.exit or book.best_bid is None or average is None:
            return
        if exit_gate(book, average, book.mid, rules) is not None:
            return
        plan = plan_exit(trade.holding.shares, book.best_bid, book)
        if isinstance(plan, OrderPlan):
            trade.leave(plan, book, now, signal.reason)
            self._purse.closed(trade, now)

    def _exit_context(self, trade: Trade, book: object, now: datetime) -> ExitContext:
        position = Position(
            **trade.holding.model_dump(),
            workflow_id=trade.trigger.workflow_id,
            mode=Mode.PAPER,
            condition_id=trade.market.condition_id,
            token_id=trade.token.token_id,
        )
        return ExitContext.model_validate(
            {
                "position": position,
                "book": book,
                "now": now,
                "held_since": trade.opened_at,
                "reading": self._reading.get(trade.market.condition_id, ExitReading()),
                "end_time": trade.market.end_time,
                "fee": trade.market.fee,
            }
        )

    def _resolve(self, seen: MarketBook, payouts: tuple[int, ...], now: datetime) -> None:
        seen.market = seen.market.model_copy(update={"closed": True})
        trade = self.trades.get(seen.market.condition_id)
        if trade is not None and trade.open:
            trade.resolve(Price(from_micros(payouts[trade.token.index])), now)
            self._purse.closed(trade, now)


def _later(now: datetime, rest: timedelta) -> datetime:
    return datetime.max.replace(tzinfo=now.tzinfo) if rest == timedelta.max else now + rest


__all__ = ["MICRO", "Decimal", "Replay"]
