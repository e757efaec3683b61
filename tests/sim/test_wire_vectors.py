"""Order hashes, signatures and book hashes against vectors of independent origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from venue.wire import auth, bookhash, eip712

SAMPLES = Path(__file__).parents[2].parent / "shared" / "facts" / "samples"
FIRST = "0x32961c48ddac87ed3582f8e02097cd0eff4fcf80460306bd44b3710438dfa64c"
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def sample(name: str) -> Any:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"{name}: the shared sample payloads are not on this machine")
    return json.loads(path.read_text())


def fields(order: dict[str, Any]) -> eip712.OrderFields:
    return eip712.OrderFields(
        salt=order["salt"],
        maker=order["maker"],
        signer=order["signer"],
        token_id=int(order["tokenId"]),
        maker_amount=int(order["makerAmount"]),
        taker_amount=int(order["takerAmount"]),
        side=order["side"],
        signature_type=order["signatureType"],
        timestamp=int(order["timestamp"]),
        metadata=order["metadata"],
        builder=order["builder"],
    )


@pytest.mark.parametrize("index", range(9))
def test_every_vector_has_our_hash_our_signature_and_our_verdict(index: int) -> None:
    vectors = sample("vectors_eip712_hmac.json")
    vector = vectors["vectors"][index]
    order = fields(vector["order"])
    domain = eip712.Domain(vector["domain"]["verifyingContract"], vector["domain"]["version"])
    assert eip712.order_id(order, domain) == vector["order_hash"]
    assert eip712.sign_order(order, domain, vectors["private_key"]) == vector["signature"]
    assert eip712.order_signer(order, domain, vector["signature"]) == vectors["address"]
    wrong = vector["signature"][:20] + ("1" if vector["signature"][20] == "0" else "0")
    wrong += vector["signature"][21:]
    assert eip712.order_signer(order, domain, wrong) != vectors["address"]


def test_the_first_vector_reproduces_without_the_sample_file() -> None:
    order = eip712.OrderFields(
        123456789,
        ADDRESS,
        ADDRESS,
        71321045679252212594626385532706912750332728571942532289631379312455583992563,
        100000000,
        50000000,
        "BUY",
        0,
        1713398400000,
    )
    domain = eip712.domain_of(order.token_id, neg_risk=False)
    assert eip712.order_id(order, domain) == FIRST


def test_login_signature_and_request_signature_equal_the_vectors() -> None:
    vectors = sample("vectors_eip712_hmac.json")
    login = vectors["l1_clob_auth"]
    signature = eip712.sign_auth(login["address"], login["timestamp"], login["nonce"], KEY)
    assert signature == login["signature"]
    request = vectors["l2_hmac"]
    assert (
        auth.l2_signature(
            request["secret"],
            request["timestamp"],
            request["method"],
            request["path"],
            request["body"],
        )
        == request["poly_signature"]
    )


@pytest.mark.parametrize("name", ["rest_book_v1.json", "rest_book_v2_empty.json"])
def test_book_hash_equals_the_captured_one(name: str) -> None:
    book = sample(name)
    assert bookhash.book_hash(book) == book["hash"]
    body = bookhash.book_body(
        market=book["market"],
        asset_id=book["asset_id"],
        timestamp=book["timestamp"],
        bids=[(level["price"], level["size"]) for level in book["bids"]],
        asks=[(level["price"], level["size"]) for level in book["asks"]],
        min_order_size=book["min_order_size"],
        tick_size=book["tick_size"],
        neg_risk=book["neg_risk"],
        last_trade_price=book["last_trade_price"],
        version=book.get("version"),
    )
    assert body == book


def test_position_ids_of_protocol_v2_are_recognised_by_their_bits() -> None:
    position = 651150819117105875331414918119047680898421632356043490229292782433651916800
    assert eip712.is_position_id(position)
    assert eip712.domain_of(position, neg_risk=True).version == "3"
    assert not eip712.is_position_id(71321045679252212594626385532706912750332728571942532289631379)
