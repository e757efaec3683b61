"""Reconcile: compare what the venue holds with what we believe, and name each difference.

Nothing here repairs. A token whose orders or settlements are still under way is left alone,
since lag and dust flip nothing; an absent row of the venue is no proof of anything (XD-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.money import DUST, ZERO, Shares
from domain.record import Record
from domain.trade import ClaimState


class Kind(StrEnum):
    """What differs."""

    ORDER_STRANGER = "order_stranger"  # live at the venue, unknown to us
    ORDER_ORPHAN = "order_orphan"  # open in our books, and no run asks for it
    CLAIM_ORPHAN = "claim_orphan"  # claimed by a run that is gone, with nothing behind it
    TRADE_ORPHAN = "trade_orphan"  # shares are held, their trade does not run
    SHARES_MISSING = "shares_missing"  # the venue holds fewer than we believe
    SHARES_SURPLUS = "shares_surplus"  # the venue holds more than we believe
    SHARES_STRANGER = "shares_stranger"  # shares of a token no trade of ours holds


class OurTrade(Record):
    """One trade as the store has it. `running` is Temporal's word for its workflow id."""

    workflow_id: str
    condition_id: str
    token_id: str
    claim: ClaimState
    running: bool
    young: bool = False  # claimed or changed a moment ago: left to its own run
    open_orders: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()  # of these, the orders of a stranger: its run does not know them
    left_behind: tuple[str, ...] = ()  # of these, the orders of a run before the claim's owner
    unsettled: bool = False  # a fill is neither confirmed nor failed
    shares: Shares = Shares(ZERO)  # of an open or unmanaged position
    managed: bool = True  # False: a person took the shares over


class Theirs(Record):
    """What the venue says, read to the end."""

    open_orders: dict[str, str]  # order id -> token id
    shares: dict[str, Shares]  # token id -> settled shares in the wallet
    moving: frozenset[str] = frozenset()  # tokens with a match that settles now, or just did


class Difference(Record):
    """One difference, with both figures where there are two."""

    kind: Kind
    workflow_id: str = ""
    condition_id: str = ""
    token_id: str = ""
    order_id: str = ""
    ours: Shares | None = None
    theirs: Shares | None = None

    def __str__(self) -> str:
        """Return the difference in one line, for people."""
        named = self.workflow_id or self.order_id or self.token_id
        if self.theirs is None:
            return f"{self.kind.value}: {named}"
        return f"{self.kind.value}: {named}: expected {self.ours} shares, was {self.theirs}"


def compare(trades: list[OurTrade], theirs: Theirs) -> list[Difference]:
    """Return every difference, orders first: shares can only be judged once orders are known."""
    return [*_orders(trades, theirs), *_orphans(trades), *_shares(trades, theirs)]


def _orders(trades: list[OurTrade], theirs: Theirs) -> list[Difference]:
    known = {order_id for t in trades for order_id in t.open_orders}
    strangers = [
        Difference(kind=Kind.ORDER_STRANGER, order_id=order_id, token_id=token_id)
        for order_id, token_id in sorted(theirs.open_orders.items())
        if order_id not in known
    ]
    orphans = [
        Difference(
            kind=Kind.ORDER_ORPHAN,
            workflow_id=t.workflow_id,
            condition_id=t.condition_id,
            token_id=t.token_id,
            order_id=order_id,
        )
        for t in trades
        if not t.young
        for order_id in t.open_orders
        if not t.running
        or order_id in t.left_behind  # only the run that made it would ask for it
        or (order_id in t.adopted and order_id not in theirs.open_orders)
    ]
    return strangers + orphans


def _orphans(trades: list[OurTrade]) -> list[Difference]:
    """Trades whose run is gone, with shares or with nothing but a claim."""
    found = []
    for t in trades:
        if t.running or t.young or t.open_orders:
            continue
        kind = None
        if t.shares > 0 and t.managed:
            kind = Kind.TRADE_ORPHAN
        elif t.claim is ClaimState.CLAIMED:
            kind = Kind.CLAIM_ORPHAN
        if kind is not None:
            found.append(
                Difference(
                    kind=kind,
                    workflow_id=t.workflow_id,
                    condition_id=t.condition_id,
                    token_id=t.token_id,
                    ours=t.shares,
                )
            )
    return found


def _shares(trades: list[OurTrade], theirs: Theirs) -> list[Difference]:
    """Compare token by token: the shares of several trades add up to the venue's (issue 4)."""
    busy = {t.token_id for t in trades if t.unsettled or t.open_orders or t.young}
    busy |= set(theirs.open_orders.values()) | theirs.moving
    ours = held_by_token(trades)
    found = []
    for token_id in sorted(set(ours) | set(theirs.shares)):
        if token_id in busy or token_id not in theirs.shares:
            continue
        mine, wallet = ours.get(token_id, Shares(ZERO)), theirs.shares[token_id]
        if abs(wallet - mine) < DUST:
            continue
        kind = Kind.SHARES_SURPLUS if wallet > mine else Kind.SHARES_MISSING
        if not mine:
            kind = Kind.SHARES_STRANGER
        owner = next((t for t in trades if t.token_id == token_id and t.shares > 0), None)
        found.append(
            Difference(
                kind=kind,
                token_id=token_id,
                workflow_id="" if owner is None else owner.workflow_id,
                condition_id="" if owner is None else owner.condition_id,
                ours=mine,
                theirs=wallet,
            )
        )
    return found


def left_over(trades: list[OurTrade]) -> list[OurTrade]:
    """Return the trades whose shares a person was left with, where nothing is under way."""
    return [
        t
        for t in trades
        if t.shares > 0 and not (t.managed or t.running or t.young or t.open_orders or t.unsettled)
    ]


def emptied(differences: list[Difference]) -> frozenset[str]:
    """Return the tokens of which the venue holds none where we believe to hold some."""
    return frozenset(
        d.token_id
        for d in differences
        if d.kind is Kind.SHARES_MISSING and d.theirs is not None and d.theirs < DUST
    )


def held_by_token(trades: list[OurTrade]) -> Mapping[str, Shares]:
    """Return the shares we believe to hold of each token, over all trades."""
    sums: dict[str, Shares] = {}
    for t in trades:
        if t.shares > 0:
            sums[t.token_id] = Shares(sums.get(t.token_id, Shares(ZERO)) + t.shares)
    return sums


def share_out(held: list[tuple[str, Shares]], wallet: Shares) -> dict[str, Shares]:
    """Return what each trade of a token holds when the wallet has `wallet` shares in all.

    Oldest first keep theirs: what is missing was sold from the newest. A surplus goes to the
    newest. The sum is `wallet` to the micro-share.
    """
    left, shared = wallet, {}
    for workflow_id, shares in held:
        shared[workflow_id] = Shares(min(shares, left))
        left = Shares(left - shared[workflow_id])
    if held and left > 0:
        newest = held[-1][0]
        shared[newest] = Shares(shared[newest] + left)
    return shared
