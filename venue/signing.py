"""Signing without posting: an Intent becomes the exact bytes of one order (facts 1.5, 2.4)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.entry import venue_amounts
from domain.money import CENT, MICRO, TAKER_STEP, micros
from domain.orders import Intent, SignedOrder, TimeInForce
from venue.errors import RefusalKind, Refused
from venue.wire.eip712 import OrderFields, domain_of, order_id, sign_order

SALT_BITS: Final = 53  # the venue reads the salt as a JSON number
GTD_EARLY: Final = timedelta(seconds=60)  # the venue removes GTD orders this long before their end
GTD_AT_LEAST: Final = timedelta(seconds=180)  # nearest expiration it takes


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs orders for one wallet. The key leaves this object in no form.

    `wallet` is the maker; for deposit wallets (type 3) it is the signer field as well.
    """

    private_key: str = field(repr=False)
    address: str
    wallet: str
    signature_type: int
    api_key: str = field(repr=False)

    def sign(self, intent: Intent, salt: int, at: datetime) -> SignedOrder:
        """Return the order of this intent: the same three arguments give the same bytes.

        Args:
            salt: chosen once per intent, 0 to 2**53 - 1.
            at: the order's timestamp (millisecond precision), UTC.

        Raises:
            Refused: the amounts or the expiration are not what the venue takes.
        """
        if not 0 <= salt < 2**SALT_BITS:
            raise Refused(RefusalKind.PAYLOAD, f"expected a salt of {SALT_BITS} bits, was {salt}")
        amounts = venue_amounts(intent.side, intent.tif, intent.limit, intent.shares)
        _check_places(intent, amounts.maker, amounts.taker)
        order = OrderFields(
            salt=salt,
            maker=self.wallet,
            signer=self.wallet if self.signature_type == 3 else self.address,
            token_id=_token(intent.token_id),
            maker_amount=micros(amounts.maker),
            taker_amount=micros(amounts.taker),
            side=intent.side.value,
            signature_type=self.signature_type,
            timestamp=_millis(at),
        )
        domain = domain_of(order.token_id, neg_risk=intent.neg_risk)
        signature = sign_order(order, domain, self.private_key)
        expiration = _expiration(intent, at)
        return SignedOrder(
            order_id=order_id(order, domain),
            body=order_body(order, signature, intent.tif, expiration, self.api_key),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            signed_at=at,
        )


def order_body(
    order: OrderFields, signature: str, tif: TimeInForce, expiration: int, api_key: str
) -> str:
    """Return the request body, key by key as the official SDK sends it (facts 2.4)."""
    payload = {
        "deferExec": False,
        "order": {
            "builder": order.builder,
            "expiration": str(expiration),
            "maker": order.maker,
            "makerAmount": str(order.maker_amount),
            "metadata": order.metadata,
            "salt": order.salt,
            "side": order.side,
            "signature": signature,
            "signatureType": order.signature_type,
            "signer": order.signer,
            "takerAmount": str(order.taker_amount),
            "timestamp": str(order.timestamp),
            "tokenId": str(order.token_id),
        },
        "orderType": tif.value,
        "owner": api_key,
    }
    return json.dumps(payload, separators=(",", ":"))


def _check_places(intent: Intent, maker: Decimal, taker: Decimal) -> None:
    """Refuse what the venue would refuse as inaccurate, before anything is signed."""
    resting = intent.tif in (TimeInForce.GTC, TimeInForce.GTD)
    steps = (MICRO, MICRO) if resting else (CENT, TAKER_STEP)
    for name, amount, step in (("maker", maker, steps[0]), ("taker", taker, steps[1])):
        if amount <= 0 or amount % step:
            raise Refused(
                RefusalKind.ROUNDING,
                f"expected a positive {name} amount in steps of {step}, was {amount}",
            )


def _expiration(intent: Intent, at: datetime) -> int:
    """Epoch seconds for GTD, 60 s beyond the wanted end because the venue is early; else 0."""
    if intent.tif is not TimeInForce.GTD:
        return 0
    if intent.expires_at is None:
        raise Refused(RefusalKind.EXPIRATION, "expected an end for a GTD order, was none")
    ends = intent.expires_at + GTD_EARLY
    if ends < at + GTD_AT_LEAST:
        raise Refused(
            RefusalKind.EXPIRATION,
            f"expected a GTD order to live at least {GTD_AT_LEAST - GTD_EARLY}, "
            f"was {intent.expires_at - at}",
        )
    return int(ends.timestamp())


def _token(token_id: str) -> int:
    if not (token_id.isascii() and token_id.isdigit() and 0 < int(token_id) < 2**256):
        raise Refused(RefusalKind.PAYLOAD, f"expected a token id in digits, was {token_id!r}")
    return int(token_id)


def _millis(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
