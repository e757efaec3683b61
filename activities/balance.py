"""Keep the account row equal to the venue's word: after every fill, cancel, exit, redemption."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

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

    Whoever calls while a question is under way shares the next one with all others: the venue
    allows fifty in ten seconds, three are wanted by every entry, and a queue of them would let
    touches grow old and, once it gets too long, make the balance unknown.

    Raises:
        VenueError: the venue did not answer.
    """
    rounds = _ROUNDS.setdefault(account, _Rounds())
    return await rounds.shared(venue, account, mode, clock)


class _Rounds:
    """The questions of one account, one after the other; `done` counts those answered."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._begun = self._done = 0
        self._said: Usd | VenueError = VenueError("nobody has asked yet")

    async def shared(self, venue: Venue, account: Account, mode: Mode, clock: Clock) -> Usd:
        """Return the answer to a question that began after this call, asked by whoever is first."""
        mine = self._begun + 1
        async with self._turn:
            if self._done < mine:
                self._begun += 1
                self._said = await _ask(venue, account, mode, clock)
                self._done = self._begun
            said = self._said
        if isinstance(said, VenueError):
            raise said
        return said


_ROUNDS: WeakKeyDictionary[Account, _Rounds] = WeakKeyDictionary()


async def _ask(venue: Venue, account: Account, mode: Mode, clock: Clock) -> Usd | VenueError:
    asked = clock()
    try:
        balance = await venue.balance(refresh=True)
    except VenueError as error:
        await account.set_balance(mode, None, asked, now=clock())
        return error
    await account.set_balance(mode, balance, asked, now=clock())
    return balance
