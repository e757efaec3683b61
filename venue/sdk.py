"""The official SDK behind one door: its private environment factory, wallets, keys, redemption.

The SDK's environment cannot be pointed elsewhere by public means (facts 1.4), so this module,
and no other, uses its private factory, for one asserted version.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from typing import Final, cast

from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket import AsyncSecureClient, RelayerApiKey
from polymarket._internal import wallet as wallets
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
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
from polymarket.models.clob import ApiKeyCreds
from polymarket.transactions import TransactionHandle

from venue import tls
from venue.classify import Answer, error_of
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown, VenueError
from venue.transport import ApiCreds, Hosts

SDK_VERSION: Final = "0.14.0"
POLLS: Final = 20  # of a relayed transaction within one call; a workflow asks again later
POLL_EVERY_MS: Final = 500

EOA, PROXY, SAFE, DEPOSIT = 0, 1, 2, 3
WALLET_NAMES: Final = {EOA: "EOA", PROXY: "proxy", SAFE: "Safe", DEPOSIT: "deposit wallet"}


def check_version() -> None:
    """Refuse an SDK of another version than the one this module was written for.

    Raises:
        Drift: the installed version differs.
    """
    found = version("polymarket-client")
    if found != SDK_VERSION:
        raise Drift(f"expected polymarket-client {SDK_VERSION}, was {found}")


def address_of(private_key: str) -> str:
    """Return the checksummed address of the key.

    Raises:
        Refused: not a private key; the text does not repeat it.
    """
    try:
        return cast(str, Account.from_key(private_key).address)
    except Exception:  # the library's own errors may show the key, so they are not chained
        raise Refused(RefusalKind.IDENTITY, "expected a private key in 32 bytes of hex") from None


def wallets_of(address: str) -> dict[int, tuple[str, ...]]:
    """Return the wallets each signature type may have for this signer, derived locally."""
    config = PRODUCTION_CONFIG.wallet_derivation
    return {
        EOA: (address,),
        PROXY: (wallets.derive_proxy_wallet_address(address, config),),
        SAFE: (wallets.derive_safe_wallet_address(address, config),),
        DEPOSIT: (
            wallets.derive_beacon_deposit_wallet_address(address, config),
            wallets.derive_uups_deposit_wallet_address(address, config),
        ),
    }


def wallet_for(address: str, signature_type: int, configured: str = "") -> str:
    """Return the wallet that orders are made for.

    Raises:
        Refused: the configured wallet is not one that this key and type derive; the SDK would
            take a typing error for somebody's deposit wallet (facts 1.4).
    """
    known = wallets_of(address)
    if signature_type not in known:
        raise Refused(
            RefusalKind.IDENTITY, f"expected a signature type 0 to 3, was {signature_type}"
        )
    derived = known[signature_type]
    if not configured:
        return derived[0]
    if configured.lower() in (w.lower() for w in derived):
        return to_checksum_address(configured)
    fits = [
        WALLET_NAMES[t]
        for t, found in known.items()
        if configured.lower() in (w.lower() for w in found)
    ]
    hint = f"; it is the {fits[0]} of this key" if fits else ""
    raise Refused(
        RefusalKind.IDENTITY,
        f"expected the {WALLET_NAMES[signature_type]} {derived[0]} of signer {address}, "
        f"was {configured}{hint}",
    )


class Sdk:
    """A secure SDK client for one wallet: key derivation at the start, redemption later."""

    def __init__(self, client: AsyncSecureClient) -> None:
        self._client = client
        self._under_way: dict[str, TransactionHandle] = {}  # redemptions not final yet

    @classmethod
    async def open(
        cls,
        hosts: Hosts,
        *,
        private_key: str,
        wallet: str,
        creds: ApiCreds | None,
        relayer_key: str = "",
        relayer_address: str = "",
    ) -> Sdk:
        """Connect, creating or deriving credentials when none are given.

        Raises:
            VenueError: one of the four kinds.
        """
        check_version()
        tls.share_with_sdk()
        address = address_of(private_key)
        relayer = (
            RelayerApiKey(key=relayer_key, address=relayer_address or address)
            if relayer_key
            else None
        )
        try:
            client = await AsyncSecureClient.create(
                private_key=private_key,
                wallet=wallet,
                environment=_environment(hosts),
                credentials=_sdk_creds(creds),
                api_key=relayer,
            )
        except PolymarketError as cause:
            raise error_from(cause) from cause
        return cls(client)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()

    @property
    def creds(self) -> ApiCreds:
        """Return the credentials in use."""
        found = self._client.credentials
        return ApiCreds(key=found.key, secret=found.secret, passphrase=found.passphrase)

    async def missing_approvals(self) -> list[str]:
        """Return the trading approvals the wallet lacks, as "token -> spender"; [] is ready.

        Raises:
            VenueError: one of the four kinds.
        """
        try:
            state = await self._client.get_trading_approvals_state()
        except PolymarketError as cause:
            raise error_from(cause) from cause
        money = [f"{a.token_address} -> {a.spender}" for a in state.missing.erc20]
        return money + [f"{a.token_address} -> {a.operator}" for a in state.missing.erc1155]

    async def submit_redeem(self, condition_id: str) -> str:
        """Submit the redemption of a resolved market and wait a little for its end.

        One that is still under way from an earlier call is waited for instead; after a restart
        it would be submitted again, which finds nothing to burn.

        Returns:
            the transaction hash.

        Raises:
            StillPending: sent, not final yet.
            Refused: kind REDEEM when it failed, NOT_FOUND when there was nothing to redeem.
            VenueError: anything else.
        """
        handle = self._under_way.pop(condition_id, None)
        try:
            if handle is None:
                handle = await self._client.redeem_positions(condition_id=condition_id)
            outcome = await handle.wait()
        except SdkTimeoutError as cause:
            if handle is None:
                raise error_from(cause) from cause
            self._under_way[condition_id] = handle
            raise StillPending(str(handle.transaction_id or handle.transaction_hash)) from cause
        except PolymarketError as cause:
            raise error_from(cause) from cause
        return str(outcome.transaction_hash)


class StillPending(VenueError):
    """A transaction was sent and is not final; `tx` names it."""

    def __init__(self, tx: str) -> None:
        super().__init__(f"transaction {tx} is not final yet")
        self.tx = tx


def error_from(error: PolymarketError) -> VenueError:
    """Return the SDK's error as one of our kinds. Its text never holds a secret."""
    if isinstance(error, RateLimitError):
        return error_of(_answer(429, error))
    if isinstance(error, RequestRejectedError):
        return error_of(_answer(error.status, error))
    if isinstance(error, UserInputError):
        nothing = "no balance to redeem" in str(error)
        return Refused(RefusalKind.NOT_FOUND if nothing else RefusalKind.PAYLOAD, str(error))
    if isinstance(error, TransactionFailedError):
        return Refused(RefusalKind.REDEEM, str(error))
    if isinstance(error, SigningError):
        return Refused(RefusalKind.SIGNATURE, type(error).__name__)
    if isinstance(error, TransportError):
        never_sent = type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")
        return NotReady(str(error)) if never_sent else Unknown(str(error))
    if isinstance(error, UnexpectedResponseError):
        return Drift(str(error))
    return Unknown(f"{type(error).__name__}: {error}")


def _environment(hosts: Hosts):  # type: ignore[no-untyped-def]  # the SDK's class is private
    config = replace(
        PRODUCTION_CONFIG,
        clob_url=hosts.clob,
        clob_market_ws_url=hosts.market_ws,
        clob_user_ws_url=hosts.user_ws,
        gamma_url=hosts.gamma,
        data_url=hosts.data,
        relayer_url=hosts.relayer,
        rpc_url=hosts.rpc,
        relayer_max_polls=POLLS,
        relayer_poll_frequency_ms=POLL_EVERY_MS,
    )
    return create_environment(name="touchline", config=config)


def _sdk_creds(creds: ApiCreds | None) -> ApiKeyCreds | None:
    if creds is None:
        return None
    return ApiKeyCreds(key=creds.key, secret=creds.secret, passphrase=creds.passphrase)


def _answer(status: int, error: RateLimitError | RequestRejectedError) -> Answer:
    """The answer behind the SDK's error, so that one table classifies both."""
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return Answer(status, headers, json.dumps({"error": str(error)}).encode())
