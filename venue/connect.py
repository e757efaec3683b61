"""Building a Venue from plain values: nothing else knows how its parts fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx

from venue import tls
from venue.limits import Limiter
from venue.polymarket import Venue
from venue.public import PublicVenue
from venue.sdk import SAFE, Sdk, address_of, wallet_for
from venue.signing import Signer
from venue.transport import ApiCreds, Hosts, Login, Retry, Transport

KEEP_ALIVE: Final = 30.0  # seconds idle; a new connection would cost the next order three trips


@dataclass(frozen=True, slots=True)
class Account:
    """Who trades. `wallet` empty: derived from the key by the signature type.

    Signature types: 0 EOA, 1 proxy, 2 Safe, 3 deposit wallet. Redemption is gasless for 1 to 3
    and needs `relayer_key`; an EOA pays its own gas through the RPC.
    """

    private_key: str = field(repr=False)
    wallet: str = ""
    signature_type: int = SAFE
    creds: ApiCreds | None = None
    relayer_key: str = field(default="", repr=False)
    relayer_address: str = ""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How this process behaves towards the venue."""

    share: float = 0.5  # of the documented rate limits, all processes together at most 1
    retry: Retry = field(default_factory=Retry)  # one attempt: a retrying caller is above us
    timeout: float = 5.0


async def connect(
    hosts: Hosts,
    account: Account,
    conduct: Conduct | None = None,
    *,
    now: Callable[[], datetime] | None = None,
) -> Venue:
    """Log in and return the venue for one account.

    Raises:
        Refused: the key is none, or the wallet is not one of this key (IDENTITY), or the venue
            rejects the credentials (AUTH).
        NotReady, Unknown: the venue does not answer.
        Drift: the SDK is of another version, or the venue of another contract.
    """
    address = address_of(account.private_key)
    wallet = wallet_for(address, account.signature_type, account.wallet)
    sdk = await Sdk.open(
        hosts,
        private_key=account.private_key,
        wallet=wallet,
        creds=account.creds,
        relayer_key=account.relayer_key,
        relayer_address=account.relayer_address,
    )
    signer = Signer(
        private_key=account.private_key,
        address=address,
        wallet=wallet,
        signature_type=account.signature_type,
        api_key=sdk.creds.key,
    )
    return Venue(_transport(hosts, conduct, Login(address, sdk.creds)), signer, sdk, now)


def connect_public(
    hosts: Hosts,
    conduct: Conduct | None = None,
    *,
    now: Callable[[], datetime] | None = None,
) -> PublicVenue:
    """Return the public reads alone: no key, no network until asked."""
    return PublicVenue(_transport(hosts, conduct, None), now)


def _transport(hosts: Hosts, conduct: Conduct | None, login: Login | None) -> Transport:
    how = conduct or Conduct()
    client = httpx.AsyncClient(
        http2=True,
        verify=tls.context(),
        timeout=httpx.Timeout(connect=how.timeout, read=10.0, write=10.0, pool=2.0),
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE),
    )
    return Transport(
        hosts, login=login, limiter=Limiter(share=how.share), retry=how.retry, client=client
    )
