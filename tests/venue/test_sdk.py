"""The SDK's door: wallets derived and checked here, its errors as ours, its version asserted."""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any

import httpx
import pytest
from polymarket.clients._transport import AsyncTransport
from polymarket.errors import (
    PolymarketError,
    RateLimitError,
    RequestRejectedError,
    SigningError,
    TransactionFailedError,
    TransportError,
    UnexpectedResponseError,
    UserInputError,
)
from polymarket.errors import TimeoutError as SdkTimeoutError

from tests.venue.scripted import ADDRESS, KEY
from venue import sdk as sdk_module
from venue import tls
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown, VenueError
from venue.sdk import (
    DEPOSIT,
    EOA,
    PROXY,
    SAFE,
    Sdk,
    StillPending,
    address_of,
    check_version,
    error_from,
    wallet_for,
    wallets_of,
)


def test_the_address_of_a_key() -> None:
    assert address_of(KEY) == ADDRESS


def test_a_bad_key_is_refused_without_being_repeated() -> None:
    with pytest.raises(Refused) as caught:
        address_of("0x1234deadbeef")
    assert "deadbeef" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", [EOA, PROXY, SAFE, DEPOSIT])
def test_an_empty_wallet_is_derived_and_a_right_one_accepted_in_any_case(kind: int) -> None:
    derived = wallet_for(ADDRESS, kind)
    assert wallet_for(ADDRESS, kind, derived.lower()) == derived
    assert (derived == ADDRESS) is (kind == EOA)


def test_a_wallet_of_nobody_is_refused_because_the_sdk_would_take_it() -> None:
    with pytest.raises(Refused, match="expected the Safe 0x.* was 0x1111") as caught:
        wallet_for(ADDRESS, SAFE, "0x" + "11" * 20)
    assert caught.value.kind is RefusalKind.IDENTITY


def test_a_wallet_of_another_type_is_named() -> None:
    proxy = wallets_of(ADDRESS)[PROXY][0]
    with pytest.raises(Refused, match="it is the proxy of this key"):
        wallet_for(ADDRESS, SAFE, proxy)


def test_an_unknown_signature_type_is_refused() -> None:
    with pytest.raises(Refused, match="signature type"):
        wallet_for(ADDRESS, 4)


def test_another_sdk_version_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_module, "version", lambda _: "0.15.0")
    with pytest.raises(Drift, match=r"expected polymarket-client 0\.14\.0, was 0\.15\.0"):
        check_version()


def test_the_sdks_clients_share_one_tls_context() -> None:
    tls.share_with_sdk()
    one, two = (AsyncTransport(base_url="https://x.test") for _ in range(2))
    found = {t._client._transport._pool._ssl_context for t in (one, two)}  # type: ignore[attr-defined]  # private to httpx
    assert found == {tls.context()}
    assert tls.context().verify_mode is ssl.CERT_REQUIRED


def transport_error(cause: Exception) -> TransportError:
    error = TransportError("failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RateLimitError("slow"), NotReady),
        (RequestRejectedError("Too Early", status=425), NotReady),
        (RequestRejectedError("Unauthorized/Invalid api key", status=401), Refused),
        (RequestRejectedError("boom", status=500), Unknown),
        (transport_error(httpx.ConnectError("x")), NotReady),
        (transport_error(httpx.ReadTimeout("x")), Unknown),
        (UnexpectedResponseError("shape"), Drift),
        (TransactionFailedError("reverted"), Refused),
        (UserInputError("no such thing"), Refused),
        (SigningError("secret text"), Refused),
        (SdkTimeoutError("late"), Unknown),
        (PolymarketError("else"), Unknown),
    ],
)
def test_an_error_of_the_sdk_is_one_of_four_kinds(
    error: PolymarketError, kind: type[VenueError]
) -> None:
    found = error_from(error)
    assert isinstance(found, kind)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Position has no balance to redeem", RefusalKind.NOT_FOUND),
        ("No market found for condition 0x1", RefusalKind.PAYLOAD),
    ],
)
def test_nothing_to_redeem_is_told_from_a_wrong_request(text: str, kind: RefusalKind) -> None:
    found = error_from(UserInputError(text))
    assert isinstance(found, Refused)
    assert found.kind is kind


class Handle:
    """A transaction handle that ends as it is told."""

    transaction_id = "tx-1"
    transaction_hash = None

    def __init__(self, end: Any) -> None:
        self.end = end

    async def wait(self) -> Any:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


class Client:
    """The one method of the SDK's client that redemption uses."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.submitted = 0

    async def redeem_positions(self, *, condition_id: str) -> Handle:
        self.submitted += 1
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply if isinstance(self.reply, Handle) else Handle(self.reply)


class Outcome:
    transaction_hash = "0xfeed"


async def submit(reply: Any) -> str:
    return await Sdk(Client(reply)).submit_redeem("0xc1")  # type: ignore[arg-type]  # a stand-in


async def test_a_final_transaction_is_named_by_its_hash() -> None:
    assert await submit(Outcome()) == "0xfeed"


async def test_a_transaction_that_takes_long_is_pending_with_its_name() -> None:
    with pytest.raises(StillPending) as caught:
        await submit(Handle(SdkTimeoutError("late")))
    assert caught.value.tx == "tx-1"


async def test_a_transaction_under_way_is_waited_for_and_not_sent_again() -> None:
    handle = Handle(SdkTimeoutError("late"))
    client = Client(handle)
    sdk = Sdk(client)  # type: ignore[arg-type]  # a stand-in
    for _ in range(2):
        with pytest.raises(StillPending):
            await sdk.submit_redeem("0xc1")
    handle.end = Outcome()
    assert await sdk.submit_redeem("0xc1") == "0xfeed"
    assert client.submitted == 1
    assert await sdk.submit_redeem("0xc1") == "0xfeed"
    assert client.submitted == 2


def test_the_wait_the_relayer_asks_for_is_kept() -> None:
    found = error_from(RateLimitError("quota exceeded", retry_after=7.0))
    assert isinstance(found, NotReady)
    assert found.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Handle(TransactionFailedError("reverted")), RefusalKind.REDEEM),
        (UserInputError("Position has no balance to redeem"), RefusalKind.NOT_FOUND),
    ],
)
async def test_a_failed_redemption_is_refused_by_kind(reply: Any, kind: RefusalKind) -> None:
    with pytest.raises(Refused) as caught:
        await submit(reply)
    assert caught.value.kind is kind
