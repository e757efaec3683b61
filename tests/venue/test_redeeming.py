"""Redemption is idempotent: the shares in the wallet decide, not what we remember."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import Market, Token
from domain.money import Shares, Usd, shares, usd
from tests.venue.scripted import CONDITION, NO, YES
from venue.errors import NotReady, RefusalKind, Refused, VenueError
from venue.limits import Limiter
from venue.redeeming import Redeeming
from venue.sdk import StillPending

MARKET = Market(
    condition_id=CONDITION,
    question="?",
    tokens=(
        Token(token_id=YES, outcome="Yes", index=0),
        Token(token_id=NO, outcome="No", index=1),
    ),
)


class Wallet:
    """Shares before and after the transaction, and how often the balance was refreshed."""

    def __init__(self, *held: int) -> None:
        self.held = list(held)
        self.refreshed = 0

    async def shares(self, token_id: str, refresh: bool = True) -> Shares:
        assert refresh
        if token_id == NO:
            return shares(0)
        return shares(self.held.pop(0) if len(self.held) > 1 else self.held[0])

    async def balance(self, refresh: bool = True) -> Usd:
        assert refresh
        self.refreshed += 1
        return usd(Decimal(1))


class Submitter:
    """Stands for the SDK: ends as told, counts its calls."""

    def __init__(self, end: str | VenueError) -> None:
        self.end = end
        self.calls = 0

    async def submit_redeem(self, condition_id: str) -> str:
        self.calls += 1
        if isinstance(self.end, VenueError):
            raise self.end
        return self.end


def redeeming(sdk: Submitter, wallet: Wallet) -> Redeeming:
    return Redeeming(sdk, wallet, Limiter())  # type: ignore[arg-type]  # a stand-in


async def test_redeemed_shares_are_money_that_counts_at_once() -> None:
    """G4."""
    sdk, wallet = Submitter("0xfeed"), Wallet(10)
    found = await redeeming(sdk, wallet).redeem(MARKET)
    assert (found.state, found.tx, wallet.refreshed) == ("done", "0xfeed", 1)


async def test_an_empty_wallet_sends_nothing() -> None:
    sdk = Submitter("0xfeed")
    assert (await redeeming(sdk, Wallet(0)).redeem(MARKET)).state == "nothing"
    assert sdk.calls == 0


async def test_a_transaction_under_way_is_pending() -> None:
    found = await redeeming(Submitter(StillPending("tx-1")), Wallet(10)).redeem(MARKET)
    assert (found.state, found.tx) == ("pending", "tx-1")


async def test_nothing_to_redeem_is_success() -> None:
    error = Refused(RefusalKind.NOT_FOUND, "no balance to redeem")
    assert (await redeeming(Submitter(error), Wallet(10)).redeem(MARKET)).state == "nothing"


async def test_a_failure_after_somebody_else_redeemed_is_success() -> None:
    error = Refused(RefusalKind.REDEEM, "reverted")
    assert (await redeeming(Submitter(error), Wallet(10, 0)).redeem(MARKET)).state == "done"


@pytest.mark.parametrize(
    "error", [Refused(RefusalKind.REDEEM, "reverted"), NotReady("quota exceeded")]
)
async def test_any_other_failure_is_raised(error: VenueError) -> None:
    with pytest.raises(type(error)):
        await redeeming(Submitter(error), Wallet(10)).redeem(MARKET)
