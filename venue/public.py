"""What anybody may ask the venue: markets, books, prints, resolutions. No credentials."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.book import Book
from domain.market import Fee, Market, Resolution
from domain.money import Price, Shares
from venue.errors import Drift
from venue.records import CataloguePage, Geoblock, Print, TradingFacts
from venue.resolution import Heard, Sources, agree, heard
from venue.transport import Params, Transport
from venue.wire import catalogue, fields, indexer

FACTS_FOR = timedelta(minutes=10)  # as long as the official SDK keeps them
PRINT_WINDOW = timedelta(seconds=2)
BOOKS_AT_ONCE = 100
PAGE_OF_MARKETS = 100
PAGES_AT_MOST = 2000  # a cursor that never ends is drift, not a reason to hang


class PublicVenue:
    """Reads of the public services. `now` gives aware UTC and is injected by tests."""

    def __init__(self, transport: Transport, now: Callable[[], datetime] | None = None) -> None:
        self._http = transport
        self._now = now or (lambda: datetime.now(UTC))
        self._facts: dict[str, TradingFacts] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def server_time(self) -> datetime:
        """Return the venue's clock, whole seconds."""
        return await self._http.read("clob", "/time", lambda v: fields.as_instant(v, "time"))

    async def clock_skew(self) -> timedelta:
        """Return our clock minus the venue's, within about half a second.

        Corrected by half the round trip, and by the half second that whole seconds hide.
        """
        began = time.monotonic()
        theirs = await self.server_time() + timedelta(seconds=0.5)
        way = timedelta(seconds=(time.monotonic() - began) / 2)
        return self._now() - way - theirs

    async def version(self) -> int:
        """Return the order version the exchange takes."""
        return await self._http.read(
            "clob", "/version", lambda v: int(fields.number(fields.row(v, "a version"), "version"))
        )

    async def geoblock(self) -> Geoblock:
        """Return whether the venue blocks the address we call from (facts 10)."""
        return await self._http.read("site", "/api/geoblock", _geoblock)

    async def book(self, token_id: str) -> Book:
        """Return the book of one token now.

        Raises:
            Refused: kind MARKET when the venue has no book for this token.
        """
        seen = self._now()
        return await self._http.read(
            "clob", "/book", lambda v: catalogue.book(v, seen), params={"token_id": token_id}
        )

    async def books(self, token_ids: Iterable[str]) -> list[Book]:
        """Return the books of many tokens, in chunks; tokens without a book are left out."""
        wanted = list(token_ids)
        found: list[Book] = []
        for start in range(0, len(wanted), BOOKS_AT_ONCE):
            seen = self._now()
            found += await self._http.read(
                "clob",
                "/books",
                lambda v, seen=seen: [catalogue.book(b, seen) for b in fields.rows(v, "books")],  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                method="POST",
                body=[{"token_id": t} for t in wanted[start : start + BOOKS_AT_ONCE]],
            )
        return found

    async def facts(self, condition_id: str, *, refresh: bool = False) -> TradingFacts:
        """Return what trading needs of one market, kept for ten minutes."""
        kept = self._facts.get(condition_id)
        now = self._now()
        if kept is not None and not refresh and now - kept.read_at < FACTS_FOR:
            return kept
        found = await self._http.read(
            "clob", f"/clob-markets/{condition_id}", lambda v: catalogue.trading_facts(v, now)
        )
        self._facts[condition_id] = found
        return found

    async def fee(self, condition_id: str) -> Fee:
        """Return the market's fee curve, which the venue's trades do not tell (facts 3.5)."""
        found = await self.facts(condition_id)
        return Fee(
            rate=found.fee_rate, exponent=found.fee_exponent, taker_only=found.fee_taker_only
        )

    async def condition_of(self, token_id: str) -> str:
        """Return the condition a token belongs to."""
        return await self._http.read(
            "clob",
            f"/markets-by-token/{token_id}",
            lambda v: fields.text(fields.row(v, "a market"), "condition_id").lower(),
        )

    async def market(self, condition_id: str) -> Market | None:
        """Return the market as Gamma knows it, open or closed, with the CLOB's trading facts.

        The CLOB decides whether orders are taken and at which tick and fee (facts 5.1, 3.5).
        None when neither list of Gamma has it.
        """
        row = await self._gamma_row(condition_id)
        if row is None:
            return None
        found = fields.guarded(lambda: catalogue.gamma_market(row), "a market")
        if found.closed:
            return found
        facts = await self.facts(condition_id, refresh=True)
        return found.model_copy(
            update={
                "tick": facts.tick,
                "min_size": facts.min_size,
                "neg_risk": facts.neg_risk,
                "accepting_orders": facts.accepting and found.accepting_orders,
                "fee": await self.fee(condition_id),
            }
        )

    async def markets_page(
        self, cursor: str | None = None, *, filters: Params | None = None
    ) -> CataloguePage:
        """Return one keyset page of open markets; pass `next_cursor` on (facts 5.1).

        `filters` are Gamma's own, e.g. {"closed": "true"} or {"end_date_min": "2026-…"}.
        """
        params = {"limit": str(PAGE_OF_MARKETS), "closed": "false", "include_tag": "true"}
        after = {"after_cursor": cursor} if cursor else {}
        return await self._http.read(
            "gamma",
            "/markets/keyset",
            catalogue.gamma_page,
            params={**params, **(filters or {}), **after},
            aside=True,
        )

    async def named(self, condition_ids: Sequence[str]) -> CataloguePage:
        """Return up to 100 markets as Gamma knows them; what it does not know is left out.

        Gamma hides closed markets unless asked, so both lists are asked.
        """
        missing = {condition_id.lower() for condition_id in condition_ids}
        found: list[Market] = []
        skipped: Counter[str] = Counter()
        for closed in ("false", "true"):
            if not missing:
                break
            filters = {"condition_ids": sorted(missing), "closed": closed}
            page = await self.markets_page(filters=filters)
            skipped.update(page.skipped)
            for market in page.markets:
                names = {market.condition_id, market.condition_id.removesuffix("00")}  # v2
                if names & missing:
                    missing -= names
                    found.append(market)
        return CataloguePage(markets=tuple(found), skipped=dict(skipped))

    async def markets(self, filters: Params | None = None) -> AsyncIterator[CataloguePage]:
        """Yield every page of the catalogue.

        Raises:
            Drift: the pages do not end, or a cursor comes twice.
        """
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(PAGES_AT_MOST):
            page = await self.markets_page(cursor, filters=filters)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
            if cursor in seen:
                raise Drift("expected a new cursor on every page of markets, was a repeated one")
            seen.add(cursor)
        raise Drift(f"expected the catalogue to end within {PAGES_AT_MOST} pages, was longer")

    async def prints_since(self, condition_ids: Sequence[str], since: datetime) -> list[Print]:
        """Return the public trades of up to 20 markets from `since` on, oldest first.

        Seconds late by nature; the indexer has no trade ids (facts 5.2).
        """
        found: list[Print] = []
        params = {
            "condition_id": ",".join(condition_ids),
            "limit": str(min(100 * len(condition_ids), 500)),
        }
        async for row in self.data_rows("/v2/trades", params):
            trade = fields.guarded(lambda row=row: indexer.public_trade(row), "a trade")  # type: ignore[misc]  # mypy infers no type for a lambda with a default
            if trade.venue_time < since:
                break  # newest first
            found.append(trade)
        return found[::-1]

    async def print_size(
        self, condition_id: str, token_id: str, price: Price, venue_time: datetime
    ) -> Shares | None:
        """Return the size of a print that came without one, or None when it is not found (G3).

        The indexer has whole seconds and no ids: of several prints that fit, the largest.
        """
        near = [
            trade.size
            for trade in await self.prints_since([condition_id], venue_time - PRINT_WINDOW)
            if trade.token_id == token_id
            and trade.price == price
            and trade.size is not None
            and abs(trade.venue_time - venue_time) <= PRINT_WINDOW
        ]
        return max(near, default=None)

    async def resolution(self, condition_id: str) -> Resolution | None:
        """Return how the market ended once two independent sources agree (facts 6.2).

        None while undecided. `disputed` with no payouts: the oracle's answer is contested, or
        sources contradict each other. A source that does not answer is replaced by the third.

        Raises:
            VenueError: undecided, and a source that might have decided it did not answer.
        """
        read = self._http.read
        clob = await heard(read("clob", f"/markets/{condition_id}", _as_is, absent=True))
        params = {"condition_id": condition_id}
        data = await heard(read("data", "/v2/resolutions", _as_is, params=params))
        sources, gamma = Sources(condition_id, clob.value, data.value), Heard()
        if sources.needs_third:
            gamma = await heard(self._gamma_row(condition_id))
            sources = sources.with_third(gamma.value)
        found = fields.guarded(lambda: agree(sources), "a resolution")
        silent = clob.error or data.error or gamma.error
        if found is None and silent is not None:
            raise silent
        return found

    async def _gamma_row(self, condition_id: str) -> fields.Row | None:
        """Gamma hides closed markets unless asked, so both lists are asked in turn."""
        for closed in ("false", "true"):
            found = await self._http.read(
                "gamma",
                "/markets/keyset",
                _market_rows,
                params={"condition_ids": condition_id, "closed": closed, "include_tag": "true"},
            )
            for row in found:
                named = str(row.get("conditionId", "")).lower()
                if condition_id.lower() in (named, named + "00"):  # v2: 31 bytes, padded to 32
                    return row
        return None

    async def data_rows(self, path: str, params: dict[str, str]) -> AsyncIterator[fields.Row]:
        """Yield the rows of all pages; following pages are asked for by cursor alone."""
        asked = params
        for _ in range(PAGES_AT_MOST):
            rows, cursor = await self._http.read(
                "data", path, lambda v: indexer.page(v, path), params=asked
            )
            for row in rows:
                yield row
            if cursor is None:
                return
            asked = {"cursor": cursor}
        raise Drift(f"expected {path} to end within {PAGES_AT_MOST} pages, was longer")


def _geoblock(value: Any) -> Geoblock:
    source = fields.row(value, "a geoblock answer")
    if "blocked" not in source:
        raise Drift(f"expected 'blocked', was {fields.shown(value)}")
    return Geoblock(
        blocked=fields.flag(source, "blocked"),
        country=fields.optional_text(source, "country") or "",
        region=fields.optional_text(source, "region") or "",
    )


def _market_rows(value: Any) -> list[fields.Row]:
    return fields.rows(fields.row(value, "a page of markets").get("markets"), "markets")


def _as_is(value: Any) -> Any:
    return value
