"""Fault matrix C1: what is signed is right on every day of the year and in every zone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.clock import utc_now
from domain.money import shares
from domain.orders import TimeInForce
from tests.venue.scripted import KEY, NOW, intent, signer
from venue.wire.eip712 import OrderFields, domain_of, order_id, sign_order

HOUR = timedelta(hours=1)
LEAP_DAY = datetime(2028, 2, 29, 23, 59, 30, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
MOMENTS = (NOW, NOW + HOUR, NOW - HOUR, LEAP_DAY, SPRING, AUTUMN, datetime(2027, 1, 1, tzinfo=UTC))
LIFE = timedelta(minutes=5)


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let this process believe that it lives there."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def resting(at: datetime) -> dict[str, Any]:
    """Return the body of a resting order of five minutes, signed at this moment."""
    wish = intent(tif=TimeInForce.GTD, shares=shares("10"), expires_at=at + LIFE)
    signed = signer().sign(wish, salt=7, at=at)
    return {"id": signed.order_id} | dict(json.loads(signed.body))


@pytest.mark.parametrize("at", MOMENTS)
def test_a_resting_order_ends_six_minutes_of_real_time_after_its_signature(at: datetime) -> None:
    """Five wished for and one for the venue, which is early; no zone and no leap day between."""
    order = resting(at)["order"]
    epoch = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert int(order["timestamp"]) == epoch
    assert int(order["expiration"]) * 1000 - epoch == 360_000


@pytest.mark.parametrize("at", MOMENTS)
def test_the_signature_covers_the_moment_it_names(at: datetime) -> None:
    sent = resting(at)
    named = sent["order"]
    order = OrderFields(
        salt=7,
        maker=named["maker"],
        signer=named["signer"],
        token_id=int(named["tokenId"]),
        maker_amount=int(named["makerAmount"]),
        taker_amount=int(named["takerAmount"]),
        side=named["side"],
        signature_type=named["signatureType"],
        timestamp=int(named["timestamp"]),
    )
    domain = domain_of(order.token_id, neg_risk=False)
    assert named["signature"] == sign_order(order, domain, KEY)
    assert sent["id"] == order_id(order, domain)


def test_the_zone_of_the_machine_changes_neither_bytes_nor_clock(zone: str) -> None:
    sent = resting(AUTUMN)
    assert sent["order"]["timestamp"] == "1792889940000"  # of 2026-10-25 00:59 UTC
    now = utc_now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now.timestamp() - time.time()) < 5
