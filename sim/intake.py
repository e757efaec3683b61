"""From a posted body to an order: the venue's checks that need no book and no funds."""

from __future__ import annotations

from typing import Any

import msgspec

from sim.config import SimConfig
from sim.market import SimMarket
from sim.memory import Memory
from sim.refusals import BAD_PAYLOAD, OLD_VERSION, Refusal, invalid
from sim.state import Account, ApiKey, Order
from sim.units import ONE, text
from sim.wallets import wallets_of
from venue.wire import eip712

CENT = 10_000
DOLLAR = ONE
GTD_LEAD_S = 60  # the venue refuses what would expire at once


class WireOrder(msgspec.Struct, rename="camel"):
    """The signed part of POST /order; strings as sent."""

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: str
    signature_type: int
    signature: str
    timestamp: str
    expiration: str = "0"
    metadata: str = eip712.ZERO_BYTES32
    builder: str = eip712.ZERO_BYTES32


class WirePost(msgspec.Struct, rename="camel"):
    """The body of POST /order."""

    order: WireOrder
    owner: str
    order_type: str = "GTC"
    post_only: bool = False
    defer_exec: bool = False


def parse(body: Any) -> tuple[WirePost, eip712.OrderFields]:
    """Return the request and its signed fields.

    Raises:
        Refusal: the payload has the wrong shape or an old version's fields.
    """
    if isinstance(body, dict) and isinstance(body.get("order"), dict) and "nonce" in body["order"]:
        raise Refusal(400, OLD_VERSION)
    try:
        post = msgspec.convert(body, WirePost)
        order = post.order
        fields = eip712.OrderFields(
            salt=order.salt,
            maker=order.maker,
            signer=order.signer,
            token_id=int(order.token_id),
            maker_amount=int(order.maker_amount),
            taker_amount=int(order.taker_amount),
            side=order.side,
            signature_type=order.signature_type,
            timestamp=int(order.timestamp),
            metadata=order.metadata,
            builder=order.builder,
        )
        int(order.expiration)
        _check_bytes32(order.metadata, order.builder)
        eip712.order_digest(fields, eip712.Domain(eip712.STANDARD_EXCHANGE))
    except (msgspec.ValidationError, ValueError, OverflowError) as cause:
        raise Refusal(400, BAD_PAYLOAD) from cause
    if order.side not in ("BUY", "SELL") or post.order_type not in ("GTC", "GTD", "FAK", "FOK"):
        raise Refusal(400, BAD_PAYLOAD)
    if fields.maker_amount <= 0 or fields.taker_amount <= 0 or order.signature_type not in range(4):
        raise Refusal(400, BAD_PAYLOAD)
    return post, fields


def _check_bytes32(*values: str) -> None:
    for value in values:
        if len(value) != 66 or not value.startswith("0x"):
            raise ValueError(f"expected 32 bytes as hex, was {value!r}")


def check_owner(post: WirePost, key: ApiKey, memory: Memory) -> Account:
    """Return the wallet that the order spends from.

    Raises:
        Refusal: key, signer and wallet do not belong together, or the wallet may not trade.
    """
    if post.owner != key.key:
        raise Refusal(400, "the order owner has to be the owner of the API KEY")
    order = post.order
    expected = order.maker if order.signature_type == eip712.POLY_1271 else key.address
    if order.signer.lower() != expected.lower():
        raise Refusal(400, "the order signer address has to be the address of the API KEY")
    account = memory.account(order.maker)
    if account.banned:
        raise Refusal(400, f"'{order.maker}' address banned")
    if account.closed_only and order.side == "BUY":
        raise Refusal(400, f"'{order.maker}' address in closed only mode")
    return account


def check_signature(
    post: WirePost, fields: eip712.OrderFields, key: ApiKey, account: Account, neg_risk: bool
) -> str:
    """Return the order id once the signature is proven to come from the wallet's owner.

    Raises:
        Refusal: `invalid signature`.
    """
    domain = eip712.domain_of(fields.token_id, neg_risk=neg_risk)
    signer = eip712.order_signer(fields, domain, post.order.signature)
    if signer is None or signer.lower() != key.address.lower():
        raise Refusal(400, "invalid signature")
    kind = wallets_of(signer).get(fields.maker.lower())
    owned = account.owner.lower() == signer.lower() and fields.signature_type != 0
    if kind != fields.signature_type and not owned:
        raise Refusal(400, "invalid signature")
    return eip712.order_id(fields, domain)


def build(
    post: WirePost,
    fields: eip712.OrderFields,
    order_id: str,
    market: SimMarket,
    now_ms: int,
    config: SimConfig,
) -> Order:
    """Return the order after the checks of tick, size, decimals and expiry.

    Raises:
        Refusal: with the venue's text of the broken rule.
    """
    buying = fields.side == "BUY"
    usd, shares = fields.maker_amount, fields.taker_amount
    if not buying:
        usd, shares = shares, usd
    price = nearest_tick(usd, shares, market.tick)
    if price is None:
        raw = text(usd * ONE // shares)
        rule = f"Price ({raw}) breaks minimum tick size rule: {text(market.tick)}"
        raise invalid(order_id, rule)
    if not market.tick <= price <= ONE - market.tick:
        low, high = text(market.tick), text(ONE - market.tick)
        raise invalid(order_id, f"invalid price ({text(price)}), min: {low} - max: {high}")
    _check_amounts(post, fields, market, order_id, shares)
    _check_expiry(post, now_ms)
    return Order(
        id=order_id,
        owner=post.owner,
        account=fields.maker,
        signer=fields.signer,
        condition_id=market.condition_id,
        outcome=market.outcome_of(post.order.token_id),
        token_id=post.order.token_id,
        side=fields.side,
        tif=post.order_type,
        maker_amount=fields.maker_amount,
        taker_amount=fields.taker_amount,
        price=price,
        size=shares,
        post_only=post.post_only,
        expiration=int(post.order.expiration),
        created_ms=now_ms,
        sequence=0,
        visible_ms=now_ms + config.visible_ms,
    )


def nearest_tick(usd: int, shares: int, tick: int) -> int | None:
    """Return the tick multiple that the amounts mean, or None when they mean no such price.

    Market orders round the taker amount to four places, so their quotient is a little off.
    """
    low = usd * ONE // shares // tick * tick
    for price in (low, low + tick):
        if abs(usd - price * shares // ONE) <= 100 + price // 10_000:
            return price
    return None


def _check_amounts(
    post: WirePost, fields: eip712.OrderFields, market: SimMarket, order_id: str, shares: int
) -> None:
    if post.order_type in ("FAK", "FOK"):
        if fields.maker_amount % CENT or fields.taker_amount % 100:
            side = "buy" if fields.side == "BUY" else "sell"
            raise Refusal(
                400,
                f"invalid amounts, the market {side} orders maker amount supports a max accuracy "
                "of 2 decimals, taker amount a max of 4 decimals",
            )
        return
    if shares % CENT:
        raise Refusal(400, "invalid amounts, the size supports a max accuracy of 2 decimals")
    if shares < market.min_size:
        raise invalid(
            order_id, f"Size ({text(shares)}) lower than the minimum: {text(market.min_size)}"
        )


def check_notional(order: Order) -> None:
    """Refuse a marketable buy of less than a dollar.

    Raises:
        Refusal: with the venue's text.
    """
    if order.side == "BUY" and order.maker_amount < DOLLAR:
        amount = f"${text(order.maker_amount)}"
        raise Refusal(400, f"invalid amount for a marketable BUY order ({amount}), min size: $1")


def _check_expiry(post: WirePost, now_ms: int) -> None:
    expiration = int(post.order.expiration)
    if post.post_only and post.order_type not in ("GTC", "GTD"):
        raise Refusal(400, "invalid post-only order: only GTC and GTD orders can be post-only")
    if post.order_type == "GTD":
        if expiration < now_ms // 1000 + GTD_LEAD_S:
            raise Refusal(400, "invalid expiration")
    elif expiration:
        raise Refusal(400, "invalid expiration")
