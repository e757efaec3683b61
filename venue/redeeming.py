"""Turning winning shares into money, as often as asked and never twice (facts 6.3)."""

from __future__ import annotations

from domain.market import Market
from domain.money import Shares
from venue.errors import RefusalKind, Refused
from venue.holdings import Holdings
from venue.limits import Limiter
from venue.records import Redemption
from venue.sdk import Sdk, StillPending


class Redeeming:
    """Idempotent redemption: the shares in the wallet decide, not our memory.

    Redeeming burns the shares, so an empty wallet means it is done, whoever did it: an earlier
    attempt, the venue's own auto-redeemer, or a person.
    """

    def __init__(self, sdk: Sdk, holdings: Holdings, limiter: Limiter) -> None:
        self._sdk = sdk
        self._holdings = holdings
        self._limiter = limiter  # the SDK has none, and the relayer takes 25 a minute

    async def redeem(self, market: Market) -> Redemption:
        """Redeem what the wallet holds of a resolved market.

        Returns:
            `nothing` when it holds none; `done` with the transaction; `pending` when the
            transaction is not final yet: ask again.

        Raises:
            Refused: kind REDEEM, the transaction failed while shares are still there.
            VenueError: anything else.
        """
        if not await self._held(market):
            return Redemption(state="nothing")
        await self._limiter.acquire("relayer", "POST", "/submit")
        try:
            tx = await self._sdk.submit_redeem(market.condition_id)
        except StillPending as pending:
            return Redemption(state="pending", tx=pending.tx)
        except Refused as error:
            if error.kind is RefusalKind.NOT_FOUND:
                return Redemption(state="nothing")
            if error.kind is RefusalKind.REDEEM and not await self._held(market):
                return Redemption(state="done")  # another attempt was faster
            raise
        await self._holdings.balance(refresh=True)  # the proceeds count from now on
        return Redemption(state="done", tx=tx)

    async def _held(self, market: Market) -> Shares:
        held = [await self._holdings.shares(t.token_id, refresh=True) for t in market.tokens]
        return Shares(sum(held, Shares(held[0] * 0)))
