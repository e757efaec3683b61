"""Venue: everything the bot asks of Polymarket, for one wallet. Built by venue/connect.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.money import Shares, Usd
from domain.orders import Fill, Intent, SignedOrder, VenueOrder
from venue.errors import RefusalKind, Refused
from venue.holdings import Holdings
from venue.mode import ModeState
from venue.posting import Posting
from venue.public import PublicVenue
from venue.records import Allowance, Cancel, PaidOut, Post, Redemption, VenuePosition
from venue.redeeming import Redeeming
from venue.sdk import Sdk
from venue.signing import Signer
from venue.transport import ApiCreds, Permit, Transport


class Venue(PublicVenue):
    """The public reads plus one account. Every method raises VenueError and nothing else.

    Cancelling the task cancels the request; what was sent may then have happened (ING-H2).
    """

    def __init__(
        self,
        transport: Transport,
        signer: Signer,
        sdk: Sdk,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(transport, now)
        self._signer = signer
        self._sdk = sdk
        self._posting = Posting(transport)
        self._own = Holdings(
            transport,
            self,
            wallet=signer.wallet,
            signature_type=signer.signature_type,
            key=signer.api_key,
        )
        self._redeeming = Redeeming(sdk, self._own, transport.limiter)

    @property
    def wallet(self) -> str:
        """Return the address that holds the money."""
        return self._signer.wallet

    @property
    def address(self) -> str:
        """Return the address that signs."""
        return self._signer.address

    @property
    def creds(self) -> ApiCreds:
        """Return the API credentials, for the user stream's first frame."""
        return self._sdk.creds

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self._sdk.aclose()

    async def sign(self, intent: Intent, salt: int, at: datetime) -> SignedOrder:
        """Sign without posting; see signing.Signer.sign. No network, about 0.2 ms."""
        return self._signer.sign(intent, salt, at)

    def mode(self) -> ModeState:
        """Return the venue's trading mode as its answers have told it."""
        return self._posting.mode()

    async def post(
        self,
        order: SignedOrder,
        earlier_unanswered: bool = False,
        permit: Permit | None = None,
    ) -> Post:
        """Post the stored bytes once; see posting.Posting.post."""
        return await self._posting.post(order, earlier_unanswered=earlier_unanswered, permit=permit)

    async def cancel(self, order_id: str) -> Cancel:
        """Cancel one order; see posting.Posting.cancel."""
        return await self._posting.cancel(order_id)

    async def order(self, order_id: str, expected: Shares | None = None) -> VenueOrder | None:
        """Return the order while it is live, else None: absence proves nothing by itself."""
        return await self._own.order(order_id, expected)

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders, or raise: never a part of them."""
        return await self._own.open_orders()

    async def fills(self, order_id: str, condition_id: str) -> list[Fill]:
        """Return the fills of one order, whatever their settlement status."""
        return await self._own.fills(order_id, condition_id)

    async def fills_since(self, at: datetime) -> list[Fill]:
        """Return the fills of all our orders since `at`, with some overlap."""
        return await self._own.fills_since(at)

    async def failed_fills(self) -> list[str]:
        """Return ids of orders with a fill that failed to settle, by the venue's notices."""
        return await self._own.failed_fills()

    async def balance(self, refresh: bool = True) -> Usd:
        """Return the collateral in dollars."""
        return await self._own.balance(refresh)

    async def allowance(self, refresh: bool = False) -> Allowance:
        """Return the collateral and what each exchange may spend of it."""
        return await self._own.allowance(refresh)

    async def shares(self, token_id: str, refresh: bool = True) -> Shares:
        """Return the settled shares of one token."""
        return await self._own.shares(token_id, refresh)

    async def positions(self) -> list[VenuePosition]:
        """Return all positions of the wallet, or raise: never a part of them."""
        return await self._own.positions()

    async def redeem(self, condition_id: str) -> Redemption:
        """Redeem a resolved market; idempotent, see redeeming.Redeeming.redeem."""
        market = await self.market(condition_id)
        if market is None:
            raise Refused(RefusalKind.MARKET, f"expected a market {condition_id}, was none")
        return await self._redeeming.redeem(market)

    async def redeemed(self, condition_id: str) -> dict[str, PaidOut]:
        """Return by token what redemptions in a market brought, seconds late."""
        return await self._own.redeemed(condition_id)

    async def closed_only(self) -> bool:
        """Return whether the account may only close positions."""
        return await self._own.closed_only()

    async def missing_approvals(self) -> list[str]:
        """Return the approvals the exchanges still need, by the indexer; [] is ready to trade."""
        return await self._sdk.missing_approvals()

    async def api_keys(self) -> list[str]:
        """Return the account's API keys."""
        return await self._own.api_keys()
