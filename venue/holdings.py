"""Our own state at the venue: orders, fills, money, shares (facts 2.7, 5.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from domain.money import Shares, Usd, from_micros, shares, usd
from domain.orders import Fill, VenueOrder
from venue.errors import Drift
from venue.public import PAGES_AT_MOST, PublicVenue
from venue.records import Allowance, PaidOut, VenuePosition
from venue.transport import Transport
from venue.wire import account, fields, indexer
from venue.wire.eip712 import is_position_id

OVERLAP: Final = timedelta(seconds=60)  # match times lag their visibility; fills are idempotent
HELD: Final = ("OPEN", "REDEEMABLE", "REDEEMABLE_LOST")  # statuses of shares still in the wallet
ALLOWANCE_CAP: Final = Decimal(10**12)  # an unlimited allowance is 2**256 - 1 micro-dollars


class Holdings:
    """Private reads of one account. Lists come whole or not at all: a page that fails raises."""

    def __init__(
        self,
        transport: Transport,
        public: PublicVenue,
        *,
        wallet: str,
        signature_type: int,
        key: str,
    ) -> None:
        self._http = transport
        self._public = public
        self._wallet = wallet
        self._type = str(signature_type)
        self._key = key

    async def order(self, order_id: str, expected: Shares | None = None) -> VenueOrder | None:
        """Return a live order, or None: the venue forgets terminal ones (facts 0.1 item 3)."""
        return await self._http.read(
            "clob",
            f"/data/order/{order_id}",
            lambda v: account.open_order(v, expected),
            private=True,
            absent=True,
        )

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account."""
        found: list[VenueOrder] = []
        async for rows in self._pages("/data/orders", {}):
            for row in rows:
                one = fields.guarded(lambda row=row: account.open_order(row), "an order")  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                if one is not None:
                    found.append(one)
        return found

    async def fills(self, order_id: str, condition_id: str) -> list[Fill]:
        """Return the fills of one order in its market, as taker and as maker, any status."""
        curve = await self._public.fee(condition_id)
        rows = await self._rows("/data/trades", {"market": condition_id})
        return fields.guarded(lambda: account.order_fills(rows, order_id, curve), "trades")

    async def fills_since(self, at: datetime) -> list[Fill]:
        """Return the fills of all our orders matched since `at`, less an overlap."""
        after = int((at - OVERLAP).timestamp())
        rows = await self._rows("/data/trades", {"after": str(after)})
        found: list[Fill] = []
        for condition in {fields.text(row, "market").lower() for row in rows}:
            curve = await self._public.fee(condition)
            of_market = [row for row in rows if fields.text(row, "market").lower() == condition]
            found += fields.guarded(
                lambda: account.own_fills(of_market, self._key, self._wallet, curve),  # noqa: B023  # called before the loop goes on
                "trades",
            )
        return sorted(found, key=lambda fill: fill.matched_at)

    async def balance(self, refresh: bool = True) -> Usd:
        """Return the collateral in the wallet, in dollars; orders do not lower it.

        `refresh` makes the venue read the chain first: its cache misses deposits, redemptions
        and fills otherwise.
        """
        return usd((await self.allowance(refresh=refresh)).balance)

    async def allowance(self, refresh: bool = False) -> Allowance:
        """Return collateral and what each exchange contract may spend of it, in dollars."""
        params = {"asset_type": "COLLATERAL", "signature_type": self._type}
        return await self._balance(params, refresh)

    async def shares(self, token_id: str, refresh: bool = True) -> Shares:
        """Return the settled shares of one token in the wallet."""
        kind = "CONDITIONAL-V2" if is_position_id(int(token_id)) else "CONDITIONAL"
        params = {"asset_type": kind, "token_id": token_id, "signature_type": self._type}
        return shares((await self._balance(params, refresh)).balance)

    async def positions(self) -> list[VenuePosition]:
        """Return every position of the wallet that is not nothing, dust included.

        From the indexer: seconds late, sizes are doubles cut to six places. Good for finding
        strangers, not for deciding how much to sell: see `shares`.
        """
        found: dict[str, VenuePosition] = {}
        for status in HELD:
            params = {"user": self._wallet, "status": status, "filter_amount": "0"}
            async for row in self._public.data_rows("/v2/positions", params):
                one = fields.guarded(lambda row=row: indexer.position(row), "a position")  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                if one.shares > 0:
                    found[one.token_id] = one
        return list(found.values())

    async def redeemed(self, condition_id: str) -> dict[str, PaidOut]:
        """Return by token what redemptions in a market burnt and brought; none listed, no key.

        From the indexer, seconds late and in doubles: proof of a payment, not its figure.
        """
        found: dict[str, PaidOut] = {}
        params = {"user": self._wallet, "type": indexer.REDEEM, "condition_id": condition_id}
        async for row in self._public.data_rows("/v2/activity", params):
            one = fields.guarded(lambda row=row: indexer.redemption(row), "a redemption")  # type: ignore[misc]  # mypy infers no type for a lambda with a default
            if one is None or one.shares <= 0:
                continue
            if (was := found.get(one.token_id)) is not None:
                sums = {"shares": was.shares + one.shares, "usd": was.usd + one.usd}
                one = one.model_copy(update=sums)
            found[one.token_id] = one
        return found

    async def closed_only(self) -> bool:
        """Return whether the account may only close positions."""
        return await self._http.read(
            "clob", "/auth/ban-status/closed-only", _closed_only, private=True
        )

    async def api_keys(self) -> list[str]:
        """Return the account's API keys; a wrong key raises Refused with kind AUTH."""
        return await self._http.read("clob", "/auth/api-keys", _api_keys, private=True)

    async def failed_fills(self) -> list[str]:
        """Return the order ids of the venue's "fill failed" notices (type 8), 48 hours back."""
        return await self._http.read(
            "clob",
            "/notifications",
            _failed_fills,
            params={"signature_type": self._type},
            private=True,
        )

    async def _balance(self, params: dict[str, str], refresh: bool) -> Allowance:
        if refresh:
            await self._http.read(
                "clob",
                "/balance-allowance/update",
                lambda _: None,
                params=params,
                private=True,
                absent=True,
            )
        return await self._http.read(
            "clob", "/balance-allowance", _allowance, params=params, private=True
        )

    async def _rows(self, path: str, params: dict[str, str]) -> list[fields.Row]:
        return [row async for rows in self._pages(path, params) for row in rows]

    async def _pages(self, path: str, params: dict[str, str]) -> AsyncIterator[list[fields.Row]]:
        cursor: str | None = None
        for _ in range(PAGES_AT_MOST):
            asked = params | ({"next_cursor": cursor} if cursor else {})
            rows, following = await self._http.read(
                "clob", path, lambda v: account.page(v, path), params=asked, private=True
            )
            yield rows
            if following is None:
                return
            if following == cursor:
                raise Drift(f"expected a new cursor on every page of {path}, was a repeated one")
            cursor = following
        raise Drift(f"expected {path} to end within {PAGES_AT_MOST} pages, was longer")


def _allowance(value: Any) -> Allowance:
    source = fields.row(value, "a balance")
    allowed = fields.row(source.get("allowances") or {}, "allowances")
    return Allowance(
        balance=_base_units(source, "balance"),
        allowances={k.lower(): _base_units(allowed, k) for k in allowed},
    )


def _base_units(source: fields.Row, key: str) -> Decimal:
    """Micro-dollars or micro-shares in digits, as dollars or shares; huge allowances are capped."""
    digits = fields.text(source, key)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 80):
        raise Drift(f"expected base units in {key!r}, was {fields.shown(digits)}")
    return from_micros(int(digits)) if len(digits) < 19 else ALLOWANCE_CAP


def _closed_only(value: Any) -> bool:
    source = fields.row(value, "a ban status")
    if not isinstance(source.get("closed_only"), bool):
        raise Drift(f"expected 'closed_only', was {fields.shown(value)}")
    return bool(source["closed_only"])


def _api_keys(value: Any) -> list[str]:
    found = fields.row(value, "API keys").get("apiKeys")
    if not isinstance(found, list) or not all(isinstance(k, str) for k in found):
        raise Drift("expected a list of API keys, was something else")
    return found


def _failed_fills(value: Any) -> list[str]:
    found: list[str] = []
    for row in fields.rows(value or [], "notifications"):
        payload = row.get("payload")
        if row.get("type") == 8 and isinstance(payload, dict):
            named = payload.get("order_id") or payload.get("orderId")
            if isinstance(named, str):
                found.append(named.lower())
    return found
