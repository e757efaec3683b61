"""Evidence: gather what a screening looks at, all at once, and name what could not be had."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from activities.balance import refresh_balance
from activities.clock import Clock
from activities.messages import OpenRequest
from activities.venue_errors import venue_failures
from domain.book import Book
from domain.context import ScreenContext
from domain.decision import DecisionStage
from domain.gates import price_now
from domain.market import Market
from domain.money import Shares
from domain.record import Record
from domain.rules import FilterRules, TradeRules
from domain.score import Score, ScoreProvider, ScoreRequest
from domain.trigger import Trigger
from store.account import Account, AccountRow
from store.markets import Markets
from store.positions import Positions
from store.scores import Blocks
from venue.errors import Refused, VenueError
from venue.polymarket import Venue


class Gathered(Record):
    """The context of one screening."""

    context: ScreenContext


class Evidence:
    """Reads venue and store for one screening; decides nothing."""

    def __init__(
        self,
        venue: Venue,
        markets: Markets,
        positions: Positions,
        account: Account,
        blocks: Blocks,
        scores: ScoreProvider,
        rules: TradeRules,
        clock: Clock,
    ) -> None:
        self._venue, self._markets, self._positions = venue, markets, positions
        self._account, self._blocks, self._scores = account, blocks, scores
        self._rules, self._clock = rules, clock

    async def gather(self, request: OpenRequest) -> Gathered:
        """Return everything the screening of this trigger needs, at this moment.

        Raises:
            ApplicationError: the venue did not answer about the book; retried.
        """
        key = request.key
        market, book, account, blocked, size, held = await asyncio.gather(
            self.market(key.condition_id),
            self._book(key.token_id),
            self._funds(request),
            self._blocks.has(key.condition_id),
            self._size(request.trigger),
            self._positions.of_token(key.mode, key.token_id),
        )
        now = self._clock()
        score = await self._score(key.token_id, market, book, now)
        context = ScreenContext(
            trigger=refreshed(request, book, now, self._rules.filters),
            market=market,
            now=now,
            book=book,
            score=score,
            size=size,
            blocks=frozenset({key.condition_id} if blocked else ()),
            halt=account.halt,
            position_open=any(p.workflow_id != key.workflow_id for p in held),
            first_price=request.trigger.price,
        )
        return Gathered(context=context)

    async def market(self, condition_id: str) -> Market | None:
        """Return the catalogue's row; a market that is new to it is asked for at the venue."""
        market = await self._markets.get(condition_id)
        if market is not None:
            return market
        with venue_failures():
            try:
                market = await self._venue.market(condition_id)
            except Refused:
                return None
        if market is not None:
            await self._markets.upsert([market])
        return market

    async def _book(self, token_id: str) -> Book | None:
        """Return the book of now, or None when the venue has none: then nothing is bought."""
        with venue_failures():
            try:
                return await self._venue.book(token_id)
            except Refused:
                return None

    async def _funds(self, request: OpenRequest) -> AccountRow:
        """Return the account, its balance asked for again when half its life is over (G4)."""
        mode = request.key.mode
        row = await self._account.get(mode)
        age = None if row.balance_at is None else self._clock() - row.balance_at
        half = self._rules.risk.max_balance_age / 2
        if row.balance is None or age is None or not timedelta(0) <= age <= half:
            try:
                await refresh_balance(self._venue, self._account, mode, self._clock)
            except VenueError:
                return row  # stored as unknown: the reserving transaction refuses
        return row

    async def _size(self, trigger: Trigger) -> Shares | None:
        """Back-fill the size of the print from the venue's public trades (G3, STR-M1)."""
        if trigger.size is not None or not self._rules.strategy.size_filter:
            return None
        try:
            return await self._venue.print_size(
                trigger.condition_id, trigger.token_id, trigger.price, trigger.venue_time
            )
        except VenueError:
            return None  # unknown is its own outcome

    async def _score(
        self, token_id: str, market: Market | None, book: Book | None, now: datetime
    ) -> Score | None:
        if market is None:
            return None
        request = ScoreRequest(token_id=token_id, market=market, book=book, now=now)
        return await self._scores.score(request)


def refreshed(
    request: OpenRequest, book: Book | None, now: datetime, filters: FilterRules
) -> Trigger:
    """Return the trigger with the price and time of now where a wait lay between (XD-7).

    The watchlist judges the present price, never the stored one, and pays no more than the touch
    (`ScreenContext.touched`); an approval keeps the price a person said yes to as its upper
    bound. A first screening keeps the touch as it was.
    """
    trigger = request.trigger
    if request.stage is DecisionStage.SCREENING or book is None:
        return trigger
    update: dict[str, object] = {"venue_time": now - book.age(now)}
    if request.stage is DecisionStage.WATCHING:
        update["price"] = price_now(book, trigger.source, filters)
    return trigger.model_copy(update=update)
