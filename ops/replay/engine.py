"""The engine of a replay: events in, touches, decisions and trades out. No clock, no I/O.

What differs from live is written here and nowhere else: an order reaches the book `delay`
after its touch, its fill is what the recorded book offered then, and fills settle at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.context import ScreenContext
from domain.decision import Decision, Verdict, hold
from domain.entry import OrderPlan
from domain.gates import price_now
from domain.market import Market, Mode
from domain.money import Price, Shares, from_micros, micros
from domain.rules import TradeRules
from domain.score import ScoreRequest
from domain.screen import check_entry, screen
from domain.strategy import Strategy
from domain.touch import Seen
from domain.trigger import TouchSource, Trigger
from ops.replay import keeper
from ops.replay.account import Purse
from ops.replay.books import MarketBook
from ops.replay.events import Event, Levels, Oracle, Resolved, Ticked, Traded, moment
from ops.replay.scores import Scores
from ops.replay.trades import Decided, Trade

EPOCH = 0  # a recording is one stretch: nothing says where it had gaps
FOR_GOOD = datetime.max.replace(tzinfo=UTC)


class Watched:
    """A market on the watchlist: screened again every hour until its window is over."""

    def __init__(self, trigger: Trigger, now: datetime, rules: TradeRules) -> None:
        self.trigger = trigger
        self.until = now + rules.watch.window
        self.next_look = now + rules.watch.every


class Replay:
    """Feed it every event in order, then `finish`; read `decisions`, `trades`, the counts."""

    def __init__(
        self,
        markets: Iterable[Market],
        rules: TradeRules,
        strategy: Strategy,
        scores: Scores,
        purse: Purse,
        delay: timedelta = timedelta(0),
    ) -> None:
        self._rules, self._strategy, self._scores = rules, strategy, scores
        self._purse, self._delay = purse, delay
        self._quotes = rules.trigger.source is TouchSource.QUOTE
        threshold, wanted = micros(rules.trigger.threshold), rules.strategy.outcome_indexes
        self._books = {m.condition_id: MarketBook(m, threshold, wanted) for m in markets}
        self._rest: dict[str, datetime] = {}  # no touch of this market counts before
        self._watched: dict[str, Watched] = {}
        self._sent: deque[tuple[datetime, Trade]] = deque()
        self.decisions: list[Decided] = []
        self.trades: dict[str, Trade] = {}
        self.events = self.prints = self.touches = 0
        self.last = datetime.min.replace(tzinfo=UTC)

    def feed(self, event: Event) -> None:
        """Fold in one event.

        Raises:
            KeyError: its market was not announced.
        """
        now = moment(event.at_ms)
        self.events += 1
        self.last = max(self.last, now)
        self._arrive(now)
        seen = self._books[event.condition_id]
        self._end_rest(seen, now)
        match event:
            case Levels(bids=bids, asks=asks, whole=whole):
                seen.change(bids, asks, whole)
                self._quoted(seen, event.at_ms)
                self._look_after(seen, now)
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
        self._arrive(self.last + self._delay)

    def bid(self, trade: Trade) -> Price | None:
        """Return the best bid for what a trade holds, at the end of what was fed."""
        seen = self._books[trade.market.condition_id]
        return seen.book(trade.token.index, self.last).best_bid

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
        """Do what ingest does with a touch: nothing for a market that is taken or rests."""
        market, now = seen.market, moment(at_ms)
        busy = (self.trades, self._rest, self._watched)
        if any(market.condition_id in known for known in busy):
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
        self._decide(seen, trigger, now)

    def _decide(
        self,
        seen: MarketBook,
        trigger: Trigger,
        now: datetime,
        first_price: Price | None = None,
    ) -> None:
        """Screen, and do what the answer says."""
        condition = trigger.condition_id
        decision, plan = self._screen(seen, trigger, now, first_price)
        self._note(trigger, decision, now)
        if decision.verdict is Verdict.WATCH:
            self._watched.setdefault(condition, Watched(trigger, now, self._rules))
            return
        self._watched.pop(condition, None)
        if plan is not None:
            token = seen.market.tokens[trigger.outcome_index]
            trade = Trade(seen.market, token, trigger, plan)
            self.trades[condition] = trade
            self._purse.promise(trade)
            self._sent.append((now + self._delay, trade))
            self._arrive(now)
        else:
            rest = now + self._rules.trigger.retry_after
            self._rest[condition] = FOR_GOOD if decision.for_good else rest

    def _screen(
        self, seen: MarketBook, trigger: Trigger, now: datetime, first_price: Price | None
    ) -> tuple[Decision, OrderPlan | None]:
        """Return the decision, and the order when it is ENTER and the limits allow it."""
        book = seen.book(trigger.outcome_index, now)
        request = ScoreRequest(token_id=trigger.token_id, market=seen.market, book=book, now=now)
        score = self._scores(request)
        context = ScreenContext(
            trigger=trigger,
            market=seen.market,
            now=now,
            book=book,
            score=score,
            first_price=first_price,
        )
        decision = screen(context, self._rules, self._strategy)
        if decision.verdict is not Verdict.ENTER:
            return decision, None
        plan = check_entry(context, self._rules, decision)
        if isinstance(plan, Decision):
            return plan, None
        breach = self._purse.refuse(seen.market.event_id, plan, self._rules.risk, now)
        if breach is None:
            return decision, plan
        figures = {"value": breach.value, "maximum": breach.maximum}
        return hold(breach.limit, breach.text, **figures), None

    def _note(self, trigger: Trigger, decision: Decision, now: datetime) -> None:
        self.decisions.append(
            Decided(
                at=now,
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
            condition = trade.market.condition_id
            filled = trade.enter(self._books[condition].book(trade.token.index, due), due)
            self._purse.arrived(trade)
            if not filled:
                gone = hold("killed", "the offer was gone when the order arrived")
                self._note(trade.trigger, gone, due)
                del self.trades[condition]
                self._rest[condition] = due + self._rules.trigger.retry_after

    def _end_rest(self, seen: MarketBook, now: datetime) -> None:
        condition = seen.market.condition_id
        if condition in self._rest and self._rest[condition] <= now:
            del self._rest[condition]
            for touch in seen.touches.values():
                touch.rearm()

    def _look_after(self, seen: MarketBook, now: datetime) -> None:
        """Look at what is held or watched in this market, when it is time."""
        condition = seen.market.condition_id
        trade, watched = self.trades.get(condition), self._watched.get(condition)
        if trade is not None and keeper.due(trade, now, self._rules):
            keeper.look(trade, seen.book(trade.token.index, now), now, self._rules)
            self._purse.over(trade, now)
        if watched is not None and now >= watched.until:
            del self._watched[condition]
            self._rest[condition] = now + self._rules.trigger.retry_after
        elif watched is not None and now >= watched.next_look:
            watched.next_look = now + self._rules.watch.every
            trigger = watched.trigger
            book = seen.book(trigger.outcome_index, now)
            price = price_now(book, trigger.source, self._rules.filters)
            fresh = {"venue_time": now, "seen_at": now, "price": price}
            self._decide(seen, trigger.model_copy(update=fresh), now, first_price=trigger.price)

    def _resolve(self, seen: MarketBook, payouts: tuple[int, ...], now: datetime) -> None:
        seen.market = seen.market.model_copy(update={"closed": True})
        trade = self.trades.get(seen.market.condition_id)
        if trade is not None and trade.open:
            trade.resolve(Price(from_micros(payouts[trade.token.index])), now)
            self._purse.over(trade, now)
