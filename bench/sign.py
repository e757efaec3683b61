"""Measure signing one order: `python -m bench.sign [--orders N]`.

Ours (intent to stored bytes, order id included) beside the official SDK's own way and
py-clob-client-v2's, which both encode typed data in general; same key, same order, same process.
Prints one JSON line per way, in milliseconds, and checks that all three agree.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from eth_account import Account
from polymarket._internal.actions.orders.typed_data import (
    build_order_signature,
    build_order_typed_data,
)
from polymarket._internal.actions.orders.types import UnsignedOrder
from py_clob_client_v2.order_utils import ExchangeOrderBuilderV2, OrderDataV2
from py_clob_client_v2.order_utils import Side as SideV2
from py_clob_client_v2.signer import Signer as SignerV2

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Intent, Leg, Side, TimeInForce
from venue.signing import Signer
from venue.wire.eip712 import STANDARD_EXCHANGE, ZERO_BYTES32

KEY = "0x" + "01" * 32  # never fund it
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
MILLIS = int(AT.timestamp() * 1000)
TOKEN = "7" * 70


def main() -> None:
    """Sign the same orders in three ways and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=500)
    count = parser.parse_args().orders
    ways = {"touchline": ours(), "polymarket-client": official(), "py-clob-client-v2": other()}
    assert len({sign(1) for sign in ways.values()}) == 1, "the three do not agree"
    for name, sign in ways.items():
        print(json.dumps({"way": name, "orders": count, **measure(sign, count)}))


def measure(sign: Callable[[int], str], count: int) -> dict[str, float]:
    """Return the spread of one way in milliseconds; the salt differs each time."""
    spans = []
    for salt in range(1, count + 1):
        began = time.perf_counter()
        sign(salt)
        spans.append((time.perf_counter() - began) * 1000)
    spans.sort()
    return {
        "p50_ms": round(statistics.median(spans), 3),
        "p99_ms": round(spans[int(len(spans) * 0.99)], 3),
    }


def ours() -> Callable[[int], str]:
    """Intent to bytes, as prepare_order does it."""
    address = Account.from_key(KEY).address
    signer = Signer(
        private_key=KEY, address=address, wallet=address, signature_type=0, api_key="key"
    )
    intent = Intent(
        mode=Mode.PAPER,
        workflow_id="w",
        run_id="r",
        leg=Leg.ENTRY,
        attempt=1,
        condition_id="0xc",
        token_id=TOKEN,
        side=Side.BUY,
        tif=TimeInForce.FAK,
        limit=price("0.95"),
        shares=shares("21.0526"),
        funds=usd("20.1"),
        tick=price("0.01"),
        post_before=AT,
    )
    return lambda salt: _signature(signer.sign(intent, salt, AT).body)


def official() -> Callable[[int], str]:
    """The SDK's private steps behind create_limit_order; it computes no order id."""
    account = Account.from_key(KEY)

    def sign(salt: int) -> str:
        fields: dict[str, Any] = {
            "chain_id": 137,
            "builder": ZERO_BYTES32,
            "exchange_address": STANDARD_EXCHANGE,
            "expiration": 0,
            "maker": account.address,
            "maker_amount": 20_000_000,
            "metadata": ZERO_BYTES32,
            "order_type": "FAK",
            "salt": salt,
            "side": "BUY",
            "signature_type": 0,
            "signer": account.address,
            "taker_amount": 21_052_600,
            "timestamp": MILLIS,
            "token_id": TOKEN,
        }
        order = UnsignedOrder(**fields)
        raw = account.sign_typed_data(full_message=build_order_typed_data(order))
        return str(build_order_signature(order, "0x" + raw.signature.hex()))

    return sign


def other() -> Callable[[int], str]:
    """py-clob-client-v2's builder, order id included."""
    salts = [0]
    builder = ExchangeOrderBuilderV2(
        STANDARD_EXCHANGE, 137, SignerV2(KEY, 137), generate_salt=lambda: salts[0]
    )
    address = Account.from_key(KEY).address

    def sign(salt: int) -> str:
        salts[0] = salt
        order = builder.build_order(
            OrderDataV2(
                maker=address,
                signer=address,
                tokenId=TOKEN,
                makerAmount="20000000",
                takerAmount="21052600",
                side=SideV2.BUY,
                timestamp=str(MILLIS),
            )
        )
        typed = builder.build_order_typed_data(order)
        builder.build_order_hash(typed)
        return str(builder.build_order_signature(typed))

    return sign


def _signature(body: str) -> str:
    return str(json.loads(body)["order"]["signature"])


if __name__ == "__main__":
    main()
