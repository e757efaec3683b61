"""The venue's refusals in the venue's own words (facts 2.10)."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that the venue answers with an error. `body` is the JSON sent."""

    def __init__(
        self, status: int, error: str, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers or {}
        self.body: dict[str, Any] = {"error": error, **extra}


FAK_KILLED = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
FOK_KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
POST_ONLY_MODE = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
DISABLED = "Trading is currently disabled. Check polymarket.com for updates"
NOT_READY = "the market is not yet ready to process new orders"
CROSSES = "invalid post-only order: order crosses book"
UNAUTHORIZED = "Unauthorized/Invalid api key"
BAD_L1 = "Invalid L1 Request headers"
BAD_PAYLOAD = "Invalid order payload"
OLD_VERSION = "invalid order version, please use the latest clob-client"


def invalid(order_id: str, reason: str) -> Refusal:
    """Return `order <id> is invalid. <reason>`."""
    return Refusal(400, f"order {order_id} is invalid. {reason}")


def funds(balance: int, amount: int, matched: int = 0, active: int = 0) -> Refusal:
    """Return the balance refusal with its base-unit figures."""
    parts = [f"balance: {max(balance, 0)}"]
    if matched:
        parts.append(f"sum of matched orders: {matched}")
    if active:
        parts.append(f"sum of active orders: {active}")
    parts.append(f"order amount: {amount}")
    text = "not enough balance / allowance: the balance is not enough -> " + ", ".join(parts)
    return Refusal(400, text)
