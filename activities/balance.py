"""Keep the account row equal to the venue's word: after every fill, cancel, exit, redemption."""

from __future__ import annotations

from activities.clock import Clock
from domain.market import Mode
from domain.money import Usd
from store.account import Account
from venue.errors import VenueError
from venue.polymarket import Venue


async def refresh_balance(venue: Venue, account: Account, mode: Mode, clock: Clock) -> Usd:
    """Ask the venue with its cache forced, store the answer, and return it (G4).

    A failed question stores "unknown", which refuses every entry; never zero, never the old
    figure dressed as a new one (XD-15). The time stored is the one before the question, so
    that money spent meanwhile is never counted as still there.

    Raises:
        VenueError: the venue did not answer.
    """
    asked = clock()
    try:
        balance = await venue.balance(refresh=True)
    except VenueError:
        await account.set_balance(mode, None, asked)
        raise
    await account.set_balance(mode, balance, asked)
    return balance
