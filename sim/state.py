"""Everything the sim remembers: accounts, orders, trades, redemptions. Money in millionths."""

from __future__ import annotations

import msgspec

STRANGER = "00000000-0000-4000-8000-000000000001"  # API key of the tape's liquidity
STRANGER_ADDRESS = "0x9999999999999999999999999999999999999999"


class Account(msgspec.Struct, kw_only=True):
    """One wallet. `usd` and `tokens` are the chain's truth, `cached_*` what the CLOB believes."""

    address: str
    owner: str = ""  # EOA or session key allowed to sign besides the derived one
    usd: int = 0
    tokens: dict[str, int] = {}
    cached_usd: int = 0
    cached_tokens: dict[str, int] = {}
    deposited: int = 0
    moved: dict[str, int] = {}  # shares sent here or away outside of trading
    closed_only: bool = False
    banned: bool = False
    nonce: int = 0  # relayer or chain nonce


class ApiKey(msgspec.Struct, kw_only=True):
    """API credentials of a signer (an EOA, never the wallet)."""

    key: str
    secret: str
    passphrase: str
    address: str
    nonce: int = 0
    revoked: bool = False
    heartbeat_id: str = ""
    heartbeat_ms: int = 0


class Order(msgspec.Struct, kw_only=True):
    """One order. Amounts and sizes in millionths; price and sizes in its own token."""

    id: str
    owner: str
    account: str
    signer: str
    condition_id: str
    outcome: int
    token_id: str
    side: str
    tif: str
    maker_amount: int
    taker_amount: int
    price: int
    size: int
    post_only: bool = False
    expiration: int = 0  # seconds, 0 none
    created_ms: int
    sequence: int
    matched: int = 0  # shares
    paid: int = 0  # dollars exchanged so far, fees not included
    status: str = "live"  # live, matched, delayed, unmatched, canceled, killed
    text: str = ""  # reason of the end as the socket says it
    trades: list[str] = []
    visible_ms: int = 0  # when reads begin to show it (eventual consistency)
    due_ms: int = 0  # when a delayed order is matched

    @property
    def open_shares(self) -> int:
        """Return the shares that can still fill; an order that buys by dollars leaves none open."""
        return max(self.size - self.matched, 0) if self.status in ("live", "unmatched") else 0


class Leg(msgspec.Struct, kw_only=True):
    """One of our resting orders, or the tape, inside a trade."""

    order_id: str
    owner: str
    account: str
    token_id: str
    outcome: int
    side: str
    price: int
    size: int
    usd: int


class Step(msgspec.Struct, array_like=True):
    """A future change of a trade's status."""

    due_ms: int
    status: str


class Trade(msgspec.Struct, kw_only=True):
    """One trade at one price, with its way through settlement."""

    id: str
    condition_id: str
    taker: Leg
    makers: list[Leg]
    fee: int  # dollars, paid by the taker
    status: str
    matched_ms: int
    updated_ms: int
    settled_ms: int = 0  # when the chain moved, 0 not yet
    hash: str = ""
    bucket: int = 0
    steps: list[Step] = []

    @property
    def row(self) -> str:
        """Return the key of this row: a split trade has one id and several buckets."""
        return self.id if self.bucket == 0 else f"{self.id}:{self.bucket}"

    def legs(self) -> list[Leg]:
        """Return the taker's leg and the makers'."""
        return [self.taker, *self.makers]


class Redemption(msgspec.Struct, kw_only=True):
    """One redemption: shares burnt by token, dollars paid."""

    id: str
    account: str
    condition_id: str
    burnt: dict[str, int]
    usd: int
    at_ms: int
    hash: str


class Notice(msgspec.Struct, kw_only=True):
    """A notification of the venue (facts 2.7); type 8 is a failed fill."""

    id: int
    owner: str
    type: int
    at_ms: int
    payload: dict[str, str]


class Chain(msgspec.Struct, kw_only=True):
    """A transaction sent by relayer or JSON-RPC."""

    id: str
    account: str
    hash: str
    state: str = "STATE_NEW"
    error: str = ""
    steps: list[Step] = []
    calls: list[tuple[str, str]] = []


class Position(msgspec.Struct, kw_only=True):
    """Where the source stands: the offset of the tape and what has been resolved."""

    source: str = ""
    offset_ms: int = 0
    done: bool = False


class Resolved(msgspec.Struct, kw_only=True):
    """How a market ended."""

    condition_id: str
    payouts: tuple[int, int]
    at_ms: int


class Taken(msgspec.Struct, kw_only=True):
    """Displayed depth already taken by our orders, by level "B510000" (first outcome)."""

    condition_id: str
    levels: dict[str, int]
