"""VenueError and its four kinds: what an answer of the venue proves about an effect."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class RefusalKind(StrEnum):
    """Why the venue refused, without its wording; `fatal` ones need a person."""

    PAYLOAD = "payload"  # our bug: malformed order, bad rounding, too many
    ROUNDING = "rounding"
    TICK = "tick"
    SIZE = "size"
    NOTIONAL = "notional"
    EXPIRATION = "expiration"
    CROSSES = "crosses"  # post-only order would have taken
    FUNDS = "funds"  # balance or allowance, perhaps a stale cache or unsettled buy
    MARKET = "market"  # no book, unknown market, not accepting
    NOT_FOUND = "not_found"
    ENDED = "ended"  # cancelled on chain
    REDEEM = "redeem"  # the redeeming transaction failed
    SIGNATURE = "signature"
    VERSION = "version"  # order version cut-over: our SDK is too old
    IDENTITY = "identity"  # owner or signer is not that of the API key
    AUTH = "auth"
    BANNED = "banned"
    CLOSED_ONLY = "closed_only"
    BLOCKED = "blocked"  # geography or firewall
    OTHER = "other"

    @property
    def fatal(self) -> bool:
        """Return whether trading must stop until a person has looked."""
        return self in _FATAL


_FATAL = frozenset(
    {
        RefusalKind.SIGNATURE,
        RefusalKind.VERSION,
        RefusalKind.IDENTITY,
        RefusalKind.AUTH,
        RefusalKind.BANNED,
        RefusalKind.CLOSED_ONLY,
        RefusalKind.BLOCKED,
    }
)


class VenueError(Exception):
    """Base of everything `venue/` raises; never carries a secret or a whole body."""


class Unknown(VenueError):
    """The effect may have happened: no answer, a cut answer, a 5xx, a page that is not JSON."""


class NotReady(VenueError):
    """The effect did not happen and may later: restart, throttle, restricted mode, no connection.

    Attributes:
        retry_after: how long the venue asked to wait; None when it did not say.
    """

    def __init__(self, text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refused(VenueError):
    """The effect did not happen and will not.

    Attributes:
        kind: the reason, for branching; the text is for people only.
    """

    def __init__(self, kind: RefusalKind, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class Drift(VenueError):
    """The answer is outside the contract: stop and tell a person."""
