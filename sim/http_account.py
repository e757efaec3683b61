"""CLOB endpoints of keys, balances, notices and heartbeats (facts 2.2, 2.7, 2.9)."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from sim.engine import Engine
from sim.gate import Call, Handler, endpoint, reply
from sim.refusals import Refusal
from sim.state import Account, ApiKey
from sim.wallets import wallets_of
from venue.wire.eip712 import EXCHANGE_V3, NEG_RISK_EXCHANGE, STANDARD_EXCHANGE

UNLIMITED = str(2**256 - 1)
NEG_RISK_ADAPTER = "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"


def routes(engine: Engine) -> list[Route]:
    """Return login routes (L1) and account routes (L2)."""
    login: list[tuple[str, str, Handler]] = [
        ("POST", "/auth/api-key", create_key),
        ("GET", "/auth/derive-api-key", derive_key),
    ]
    private: list[tuple[str, str, Handler]] = [
        (
            "GET",
            "/auth/api-keys",
            lambda call: {"apiKeys": call.engine.credentials.keys_of(call.owner.address)},
        ),
        ("DELETE", "/auth/api-key", delete_key),
        ("GET", "/auth/ban-status/closed-only", closed_only),
        ("GET", "/balance-allowance", balance),
        ("GET", "/balance-allowance/update", update_balance),
        ("GET", "/notifications", notifications),
        ("DELETE", "/notifications", drop_notifications),
        ("POST", "/v1/heartbeats", heartbeat),
        ("POST", "/heartbeats", lambda call: {"status": "ok"}),
    ]
    found = [Route(p, endpoint(engine, h), methods=[m]) for m, p, h in login]
    return found + [Route(p, endpoint(engine, h, private=True), methods=[m]) for m, p, h in private]


def create_key(call: Call) -> dict[str, str]:
    """Issue a key for the signer."""
    address, nonce = call.engine.credentials.login(_headers(call), call.now_ms)
    return _shown(call.engine.credentials.create(address, nonce))


def derive_key(call: Call) -> dict[str, str]:
    """Return the key issued before."""
    address, nonce = call.engine.credentials.login(_headers(call), call.now_ms)
    return _shown(call.engine.credentials.derive(address, nonce))


def delete_key(call: Call) -> Any:
    """Revoke the key that signed the request."""
    call.engine.credentials.revoke(call.owner)
    return reply("OK")


def closed_only(call: Call) -> dict[str, bool]:
    """Return whether any wallet of the signer may only sell."""
    wallets = [call.engine.memory.accounts.get(w) for w in wallets_of(call.owner.address)]
    return {"closed_only": any(w.closed_only for w in wallets if w is not None)}


def balance(call: Call) -> dict[str, Any]:
    """Return the CLOB's cached balance, base units."""
    account = wallet_of(call)
    spenders = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, NEG_RISK_ADAPTER, EXCHANGE_V3)
    kind, token = call.query.get("asset_type", ""), call.query.get("token_id", "")
    if kind == "COLLATERAL":
        amount = account.cached_usd
    elif kind in ("CONDITIONAL", "CONDITIONAL-V2") and token:
        amount = account.cached_tokens.get(token, 0)
    else:
        raise Refusal(400, "Invalid asset type")
    return {
        "balance": str(max(amount, 0)),
        "allowances": {spender: UNLIMITED for spender in spenders},
    }


def update_balance(call: Call) -> Response:
    """Read the chain again; the body is empty."""
    account = wallet_of(call)
    if call.query.get("asset_type") == "COLLATERAL":
        account.cached_usd = account.usd
    elif token := call.query.get("token_id"):
        account.cached_tokens[token] = account.tokens.get(token, 0)
    call.engine.memory.touch_account(account)
    return Response(b"", 200)


def wallet_of(call: Call) -> Account:
    """Return the wallet of this signature type that the key's signer controls.

    Raises:
        Refusal: 400 for an unknown type.
    """
    kind = call.query.get("signature_type", "0")
    memory, signer = call.engine.memory, call.owner.address
    named = [a for a in memory.accounts.values() if a.owner.lower() == signer.lower()]
    candidates = [w for w, t in wallets_of(signer).items() if str(t) == kind]
    if not candidates:
        raise Refusal(400, "Invalid signature type")
    known = [memory.accounts[w] for w in candidates if w in memory.accounts]
    if kind != "0" and named and not known:
        return named[0]
    return known[0] if known else memory.account(candidates[0])


def notifications(call: Call) -> list[dict[str, Any]]:
    """Return the notices of this key."""
    return [
        {
            "id": notice.id,
            "owner": notice.owner,
            "type": notice.type,
            "timestamp": notice.at_ms // 1000,
            "payload": notice.payload,
        }
        for notice in call.engine.memory.notices.values()
        if notice.owner == call.owner.key
    ]


def drop_notifications(call: Call) -> Any:
    """Mark notices as read: they are not shown again."""
    for number in call.query.get("ids", "").split(","):
        notice = call.engine.memory.notices.get(number)
        if notice is not None and notice.owner == call.owner.key:
            notice.owner = f"read:{notice.owner}"
            call.engine.memory.put("notice", number, notice)
    return reply("OK")


def heartbeat(call: Call) -> Any:
    """Arm or renew the dead-man switch."""
    key = call.owner
    given = (call.json() or {}).get("heartbeat_id", "")
    if key.heartbeat_id and given not in ("", key.heartbeat_id):
        body = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": key.heartbeat_id}
        return reply(body, 400)
    key.heartbeat_id = str(uuid.uuid4())
    key.heartbeat_ms = call.now_ms
    call.engine.memory.put("key", key.key, key)
    return {"heartbeat_id": key.heartbeat_id}


def _headers(call: Call) -> dict[str, str]:
    return {n.lower().replace("-", "_"): v for n, v in call.request.headers.items()}


def _shown(key: ApiKey) -> dict[str, str]:
    return {"apiKey": key.key, "secret": key.secret, "passphrase": key.passphrase}
