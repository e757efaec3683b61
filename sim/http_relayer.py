"""Relayer, JSON-RPC and the website's geoblock (facts 6.3, 10)."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]  # the library has no types
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.crypto import keccak
from starlette.routing import Route

from sim import calls, chain
from sim.engine import Engine
from sim.gate import Call, Handler, endpoint
from sim.refusals import Refusal
from sim.resolution import NotRedeemable
from sim.state import Account
from sim.wallets import DEPOSIT, PROXY, SAFE, wallets_of
from venue.wire.eip712 import CHAIN_ID, recover

KINDS = {"SAFE": SAFE, "PROXY": PROXY, "WALLET": DEPOSIT}
RELAY = "0x7777777777777777777777777777777777777777"


def relayer_routes(engine: Engine) -> list[Route]:
    """Return the relayer's routes."""
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/deployed", lambda call: {"deployed": True}),
        ("GET", "/v1/account/transactions/params", params),
        ("GET", "/nonce", params),
        ("GET", "/relay-payload", lambda call: params(call) | {"address": RELAY}),
        ("POST", "/submit", submit),
        ("GET", "/v1/account/transactions/{id}", lambda call: state(call, call.path["id"])),
        ("GET", "/transaction", lambda call: [state(call, call.query.get("id", ""))]),
    ]
    return [Route(p, endpoint(engine, h), methods=[m]) for m, p, h in table]


def site_routes(engine: Engine) -> list[Route]:
    """Return the website's route."""
    body = {"blocked": False, "ip": "127.0.0.1", "country": "XX", "region": ""}
    return [Route("/api/geoblock", endpoint(engine, lambda call: body), methods=["GET"])]


def rpc_routes(engine: Engine) -> list[Route]:
    """Return the JSON-RPC route."""
    return [Route("/rpc", endpoint(engine, rpc), methods=["POST"])]


def params(call: Call) -> dict[str, str]:
    """Return the nonce of a signer's wallet."""
    signer = call.query.get("address", "")
    account = _wallet(call, signer, call.query.get("type", "SAFE"))
    return {"address": signer, "nonce": str(account.nonce)}


def submit(call: Call) -> dict[str, str]:
    """Accept a signed wallet transaction.

    Raises:
        Refusal: 400 bad request, 401 invalid authorization, 429 quota exceeded.
    """
    body = call.json()
    headers = {n.lower().replace("-", "_"): v for n, v in call.request.headers.items()}
    signer = str(body.get("from", "")) if isinstance(body, dict) else ""
    known = headers.get("relayer_api_key_address", signer).lower() == signer.lower()
    if not (headers.get("relayer_api_key") or headers.get("poly_builder_api_key")) or not known:
        raise Refusal(401, "invalid authorization")
    if call.engine.faults.hit("relayer_quota", call.now_ms):
        raise Refusal(429, "quota exceeded", {"Retry-After": "1"})
    try:
        account = _wallet(call, signer, body["type"])
        digest, signature, sent = _READERS[body["type"]](body)
    except (KeyError, ValueError, TypeError, StopIteration) as cause:
        raise Refusal(400, "bad request") from cause
    if body["nonce"] != str(account.nonce):
        raise Refusal(
            400, f"batch nonce {body['nonce']} does not match on-chain nonce {account.nonce}"
        )
    if (recover(digest, signature) or "").lower() != signer.lower():
        raise Refusal(400, "bad request: invalid signature")
    transaction = chain.submit(call.engine, account, sent, call.now_ms)
    return {
        "transactionID": transaction.id,
        "transactionHash": transaction.hash,
        "state": "STATE_NEW",
    }


def state(call: Call, transaction_id: str) -> dict[str, str]:
    """Return where a transaction stands."""
    found = call.engine.memory.chain.get(transaction_id)
    if found is None:
        raise Refusal(404, "transaction not found")
    return {
        "transaction_id": found.id,
        "transactionID": found.id,
        "transaction_hash": found.hash,
        "transactionHash": found.hash,
        "state": found.state,
        "error_msg": found.error,
    }


def _wallet(call: Call, signer: str, kind: str) -> Account:
    """Return the signer's wallet: the one registered with it, or the derived one."""
    memory = call.engine.memory
    for account in memory.accounts.values():
        if account.owner and account.owner.lower() == signer.lower():
            return account
    candidates = [w for w, k in wallets_of(signer).items() if k == KINDS[kind]]
    known = [memory.accounts[w] for w in candidates if w in memory.accounts]
    return known[0] if known else memory.account(candidates[0])


Signed = tuple[bytes, bytes, list[calls.Call]]


def _safe(body: dict[str, Any]) -> Signed:
    operation = body["signatureParams"]["operation"]
    typed = {
        "domain": {"chainId": CHAIN_ID, "verifyingContract": body["proxyWallet"]},
        "types": {
            "EIP712Domain": _fields("uint256 chainId,address verifyingContract"),
            "SafeTx": _fields(
                "address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,"
                "uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,"
                "uint256 nonce"
            ),
        },
        "primaryType": "SafeTx",
        "message": {
            "to": body["to"],
            "value": int(body.get("value", 0)),
            "data": bytes.fromhex(body["data"].removeprefix("0x")),
            "operation": int(operation),
            "safeTxGas": 0,
            "baseGas": 0,
            "gasPrice": 0,
            "gasToken": "0x" + "0" * 40,
            "refundReceiver": "0x" + "0" * 40,
            "nonce": int(body["nonce"]),
        },
    }
    digest = _hash(encode_defunct(primitive=_hash(encode_typed_data(full_message=typed))))
    signature = bytearray.fromhex(body["signature"].removeprefix("0x"))
    signature[64] -= 4  # a Safe marks eth_sign signatures by v + 4
    return digest, bytes(signature), calls.of_safe(body["to"], body["data"], operation)


def _proxy(body: dict[str, Any]) -> Signed:
    details = body["signatureParams"]
    numbers = (details["relayerFee"], details["gasPrice"], details["gasLimit"], body["nonce"])
    payload = b"rlx:" + _raw(body["from"]) + _raw(body["to"]) + _raw(body["data"])
    payload += b"".join(int(number).to_bytes(32, "big") for number in numbers)
    payload += _raw(details["relayHub"]) + _raw(details["relay"])
    digest = _hash(encode_defunct(primitive=keccak(payload)))
    return digest, _raw(body["signature"]), calls.of_proxy(body["data"])


def _deposit(body: dict[str, Any]) -> Signed:
    details = body["depositWalletParams"]
    typed = {
        "domain": {
            "name": "DepositWallet",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": details["depositWallet"],
        },
        "types": {
            "EIP712Domain": _fields(
                "string name,string version,uint256 chainId,address verifyingContract"
            ),
            "Batch": _fields("address wallet,uint256 nonce,uint256 deadline,Call[] calls"),
            "Call": _fields("address target,uint256 value,bytes data"),
        },
        "primaryType": "Batch",
        "message": {
            "wallet": details["depositWallet"],
            "nonce": int(body["nonce"]),
            "deadline": int(details["deadline"]),
            "calls": [
                {"target": c["target"], "value": int(c["value"]), "data": _raw(c["data"])}
                for c in details["calls"]
            ],
        },
    }
    sent = [(c["target"], c["data"]) for c in details["calls"]]
    return _hash(encode_typed_data(full_message=typed)), _raw(body["signature"]), sent


_READERS = {"SAFE": _safe, "PROXY": _proxy, "WALLET": _deposit}


def _fields(text: str) -> list[dict[str, str]]:
    pairs = [part.split(" ") for part in text.split(",")]
    return [{"name": name, "type": kind} for kind, name in pairs]


def _hash(message: Any) -> bytes:
    return keccak(b"\x19" + message.version + message.header + message.body)


def _raw(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def rpc(call: Call) -> Any:
    """Answer one JSON-RPC request or a batch."""
    body = call.json()
    if isinstance(body, list):
        return [_rpc_one(call, item) for item in body]
    return _rpc_one(call, body)


def _rpc_one(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    head = {"jsonrpc": "2.0", "id": body.get("id")}
    try:
        return {**head, "result": _rpc_result(call, body["method"], body.get("params", []))}
    except (NotRedeemable, KeyError, ValueError, IndexError) as cause:
        return {**head, "error": {"code": 3, "message": f"execution reverted: {cause}"}}


def _rpc_result(call: Call, method: str, given: list[Any]) -> Any:
    fixed = {
        "eth_chainId": hex(CHAIN_ID),
        "eth_gasPrice": hex(30_000_000_000),
        "eth_estimateGas": hex(200_000),
        "eth_getBlockByNumber": {"timestamp": hex(call.now_ms // 1000), "number": "0x1"},
        "eth_blockNumber": hex(call.now_ms // 2000),
    }
    if method in fixed:
        return fixed[method]
    if method == "eth_getTransactionCount":
        return hex(call.engine.memory.account(given[0]).nonce)
    if method == "eth_call":
        return chain.read(call.engine, given[0]["data"])
    if method == "eth_sendRawTransaction":
        return _send_raw(call, given[0])
    if method == "eth_getTransactionReceipt":
        return _receipt(call, given[0])
    raise KeyError(method)


def _send_raw(call: Call, raw: str) -> str:
    data = _raw(raw)
    signer = EthAccount.recover_transaction(raw)
    fields = rlp.decode(data)
    sent = [("0x" + fields[3].hex(), "0x" + fields[5].hex())]
    account = call.engine.memory.account(signer)
    transaction = chain.submit(call.engine, account, sent, call.now_ms)
    transaction.hash = "0x" + keccak(data).hex()
    return transaction.hash


def _receipt(call: Call, tx_hash: str) -> dict[str, str] | None:
    for transaction in call.engine.memory.chain.values():
        if transaction.hash == tx_hash and not transaction.steps:
            ok = transaction.state == chain.CONFIRMED
            return {"transactionHash": tx_hash, "status": "0x1" if ok else "0x0"}
    return None
