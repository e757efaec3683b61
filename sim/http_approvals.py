"""Data API v2 approvals: every wallet of the sim has granted all that trading needs."""

from __future__ import annotations

from typing import Any

from sim.gate import Call
from venue.wire.eip712 import CHAIN_ID, EXCHANGE_V3, NEG_RISK_EXCHANGE, STANDARD_EXCHANGE

_COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
_CONDITIONAL = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
_POSITIONS = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
_ADAPTERS = (
    "0xAdA100Db00Ca00073811820692005400218FcE1f",
    "0xadA2005600Dec949baf300f4C6120000bDB6eAab",
)
_ROUTER = "0x12121212006e4CD160D18e3f00711DA5c3372600"
_PERPS = "0xDCa4af75705dbB50f62437045afF9921947917d2"
_REDEEMER = "0xa1200000d0002264C9a1698e001292D00E1b00af"
_MODULES = (
    "0x1000008dD9001B968442c1000017eaE6E0dA00Ba",
    "0x200000900045e3B6259600682756002200028933",
)
_EXCHANGES = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE)
_GRANTED: dict[tuple[str, str], tuple[str, ...]] = {
    ("ERC20", _COLLATERAL): (*_EXCHANGES, *_ADAPTERS, _ROUTER, EXCHANGE_V3, _PERPS),
    ("ERC1155", _CONDITIONAL): (*_EXCHANGES, *_ADAPTERS, _REDEEMER, *_MODULES),
    ("ERC1155", _POSITIONS): (_ROUTER, EXCHANGE_V3, _REDEEMER),
}


def approvals(call: Call) -> dict[str, Any]:
    """Return the indexed approvals of a wallet (facts 5.2, 6.4)."""
    rows = [
        {
            "token": token,
            "spender": spender,
            "standard": standard,
            "approved": True,
            **({"amount": "max"} if standard == "ERC20" else {}),
        }
        for (standard, token), spenders in _GRANTED.items()
        for spender in spenders
    ]
    wallet = call.query.get("user", "").lower()
    return {"data": {"address": wallet, "chain_id": CHAIN_ID, "contracts": rows}}
