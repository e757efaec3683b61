"""Signing is deterministic, encodes what the domain decided, and agrees with two official SDKs."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from polymarket._internal.actions.orders.orders import create_signed_order
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import (
    build_order_signature,
    build_order_typed_data,
)
from polymarket._internal.actions.orders.types import UnsignedOrder
from py_clob_client_v2.order_utils import (
    ExchangeOrderBuilderV2,
    OrderDataV2,
    SignatureTypeV2,
)
from py_clob_client_v2.order_utils import (
    Side as SideV2,
)
from py_clob_client_v2.signer import Signer as SignerV2

from domain.money import price, shares
from domain.orders import Side, TimeInForce
from tests.venue.scripted import ADDRESS, CREDS, KEY, NOW, YES, intent, signer
from venue.errors import RefusalKind, Refused
from venue.wire.eip712 import (
    NEG_RISK_EXCHANGE,
    STANDARD_EXCHANGE,
    OrderFields,
    domain_of,
    sign_order,
)
from venue.wire.eip712 import order_id as id_of

SAMPLES = Path(__file__).parents[3] / "shared" / "facts" / "samples"
POSITION_ID = str((1 << 249) + (77 << 110) + 1)  # bits 40 to 103 are zero: protocol v2


def sent(body: str) -> dict[str, Any]:
    return dict(json.loads(body))


def test_the_same_intent_salt_and_time_give_the_same_bytes() -> None:
    first = signer().sign(intent(), salt=7, at=NOW)
    assert first == signer().sign(intent(), salt=7, at=NOW)
    assert first.order_id != signer().sign(intent(), salt=8, at=NOW).order_id


def test_a_fak_buy_gives_whole_cents_for_the_shares_asked() -> None:
    signed = signer().sign(intent(), salt=7, at=NOW)
    order = sent(signed.body)["order"]
    assert (order["makerAmount"], order["takerAmount"]) == ("20000000", "21052600")
    assert (signed.maker_amount, signed.taker_amount) == (Decimal("20.00"), Decimal("21.0526"))


def test_a_sell_gives_shares_and_asks_dollars() -> None:
    wish = intent(side=Side.SELL, shares=shares("21.05"), limit=price("0.91"))
    order = sent(signer().sign(wish, salt=7, at=NOW).body)["order"]
    assert (order["side"], order["makerAmount"], order["takerAmount"]) == (
        "SELL",
        "21050000",
        "19155500",
    )


def test_a_resting_order_is_exact() -> None:
    wish = intent(tif=TimeInForce.GTC, shares=shares("10.55"), limit=price("0.955"))
    order = sent(signer().sign(wish, salt=7, at=NOW).body)["order"]
    assert (order["makerAmount"], order["takerAmount"]) == ("10075250", "10550000")


def test_a_gtd_order_ends_sixty_seconds_later_than_wished_because_the_venue_is_early() -> None:
    wish = intent(tif=TimeInForce.GTD, shares=shares("10"), expires_at=NOW + timedelta(minutes=5))
    order = sent(signer().sign(wish, salt=7, at=NOW).body)["order"]
    assert int(order["expiration"]) == int(NOW.timestamp()) + 360


@pytest.mark.parametrize("life", [None, timedelta(seconds=119)])
def test_a_gtd_order_without_two_minutes_of_life_is_refused(life: timedelta | None) -> None:
    wish = intent(
        tif=TimeInForce.GTD,
        shares=shares("10"),
        expires_at=None if life is None else NOW + life,
    )
    with pytest.raises(Refused) as caught:
        signer().sign(wish, salt=7, at=NOW)
    assert caught.value.kind is RefusalKind.EXPIRATION


@pytest.mark.parametrize(
    "changes",
    [
        {"shares": shares("21.05265")},  # five places on the taker side of a BUY
        {"shares": shares("0")},
        {"side": Side.SELL, "shares": shares("21.0526")},  # four places on the maker side
    ],
)
def test_amounts_the_venue_would_call_inaccurate_are_refused_before_signing(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(Refused) as caught:
        signer().sign(intent(**changes), salt=7, at=NOW)
    assert caught.value.kind is RefusalKind.ROUNDING


@pytest.mark.parametrize("salt", [-1, 2**53])
def test_a_salt_the_venue_cannot_read_exactly_is_refused(salt: int) -> None:
    with pytest.raises(Refused, match="salt"):
        signer().sign(intent(), salt=salt, at=NOW)


@pytest.mark.parametrize("token", ["abc", "0", "-5", "1" * 80, "١٢"])
def test_a_token_that_is_no_number_is_refused(token: str) -> None:
    with pytest.raises(Refused, match="token id"):
        signer().sign(intent(token_id=token), salt=7, at=NOW)


def test_the_key_shows_in_no_text_form() -> None:
    assert KEY[2:] not in repr(signer())
    assert CREDS.secret not in repr(CREDS)


@pytest.mark.parametrize("signature_type", [0, 1, 2, 3])
@pytest.mark.parametrize("token", [YES, POSITION_ID])
@pytest.mark.parametrize("neg_risk", [False, True])
def test_body_and_signature_are_those_of_the_official_sdk(
    signature_type: int, token: str, neg_risk: bool
) -> None:
    wallet = ADDRESS if signature_type == 0 else "0x" + "11" * 20
    signed = signer(wallet, signature_type).sign(
        intent(token_id=token, neg_risk=neg_risk), salt=7, at=NOW
    )
    domain = domain_of(int(token), neg_risk=neg_risk)
    unsigned = UnsignedOrder(
        chain_id=137,
        builder="0x" + "0" * 64,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        exchange_address=domain.contract,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        expiration=0,
        maker=wallet,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        maker_amount=20_000_000,
        metadata="0x" + "0" * 64,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        order_type="FAK",
        salt=7,
        side="BUY",
        signature_type=signature_type,
        signer=wallet if signature_type == 3 else ADDRESS,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        taker_amount=21_052_600,
        timestamp=int(NOW.timestamp() * 1000),
        token_id=token,  # type: ignore[arg-type]  # the oracle's types are narrower than its values
        protocol_version="3" if token == POSITION_ID else "2",
    )
    raw = Account.from_key(KEY).sign_typed_data(full_message=build_order_typed_data(unsigned))
    signature = build_order_signature(unsigned, "0x" + raw.signature.hex())
    official = create_signed_order(unsigned, signature)
    _, payload = build_post_order_request(official, owner_api_key=CREDS.key)
    assert signed.body == json.dumps(payload, separators=(",", ":"))


@pytest.mark.parametrize("neg_risk", [False, True])
def test_order_id_and_signature_are_those_of_the_other_sdk(neg_risk: bool) -> None:
    """py-clob-client-v2 as an independent oracle."""
    contract = NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE
    builder = ExchangeOrderBuilderV2(contract, 137, SignerV2(KEY, 137), generate_salt=lambda: 7)
    theirs = builder.build_order(
        OrderDataV2(
            maker=ADDRESS,
            tokenId=YES,
            makerAmount="20000000",
            takerAmount="21052600",
            side=SideV2.BUY,
            signer=ADDRESS,
            signatureType=SignatureTypeV2.EOA,
            timestamp=str(int(NOW.timestamp() * 1000)),
        )
    )
    typed = builder.build_order_typed_data(theirs)
    ours = signer().sign(intent(neg_risk=neg_risk), salt=7, at=NOW)
    assert ours.order_id == builder.build_order_hash(typed)
    assert sent(ours.body)["order"]["signature"] == builder.build_order_signature(typed)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not on this machine")
def test_the_nine_recorded_vectors_reproduce() -> None:
    recorded = json.loads((SAMPLES / "vectors_eip712_hmac.json").read_text())
    assert len(recorded["vectors"]) == 9
    for vector in recorded["vectors"]:
        o, d = vector["order"], vector["domain"]
        fields = OrderFields(
            salt=o["salt"],
            maker=o["maker"],
            signer=o["signer"],
            token_id=int(o["tokenId"]),
            maker_amount=int(o["makerAmount"]),
            taker_amount=int(o["takerAmount"]),
            side=o["side"],
            signature_type=o["signatureType"],
            timestamp=int(o["timestamp"]),
            metadata=o["metadata"],
            builder=o["builder"],
        )
        domain = domain_of(fields.token_id, neg_risk=d["verifyingContract"] == NEG_RISK_EXCHANGE)
        assert (domain.contract, domain.version) == (d["verifyingContract"], d["version"])
        assert id_of(fields, domain) == vector["order_hash"], vector["name"]
        signature = sign_order(fields, domain, recorded["private_key"])
        assert signature == vector["signature"], vector["name"]
