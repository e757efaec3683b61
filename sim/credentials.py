"""API keys: made by wallet signature (L1), used by request signature (L2) (facts 2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping

from sim.memory import Memory
from sim.refusals import BAD_L1, UNAUTHORIZED, Refusal
from sim.state import ApiKey
from venue.wire import auth, eip712


class Credentials:
    """Issues and verifies API keys. The secret is derived from the sim's own seed."""

    def __init__(self, memory: Memory, seed: int, skew_s: int) -> None:
        self._memory = memory
        self._seed = seed
        self._skew_s = skew_s

    def login(self, headers: Mapping[str, str], now_ms: int) -> tuple[str, int]:
        """Return (address, nonce) of a signed L1 request.

        Raises:
            Refusal: 401.
        """
        address, stamp = headers.get("poly_address", ""), headers.get("poly_timestamp", "")
        try:
            nonce = int(headers.get("poly_nonce", "0"))
            signature = bytes.fromhex(headers.get("poly_signature", "").removeprefix("0x"))
            digest = eip712.auth_digest(address, stamp, nonce)
        except (ValueError, OverflowError):
            raise Refusal(401, BAD_L1) from None
        signer = eip712.recover(digest, signature)
        if signer is None or signer.lower() != address.lower() or self._late(stamp, now_ms):
            raise Refusal(401, BAD_L1)
        return signer, nonce

    def create(self, address: str, nonce: int) -> ApiKey:
        """Make the key of this address and nonce.

        Raises:
            Refusal: 400 when it exists.
        """
        if self._find(address, nonce) is not None:
            raise Refusal(400, "Could not create api key")
        revoked = sum(1 for key in self._memory.keys.values() if key.address == address)
        stamp = f"{self._seed}:{address}:{nonce}:{revoked}"
        digest = hashlib.sha256(stamp.encode())
        key = ApiKey(
            key=str(uuid.uuid5(uuid.NAMESPACE_OID, stamp)),
            secret=base64.urlsafe_b64encode(digest.digest()).decode(),
            passphrase=digest.hexdigest(),
            address=address,
            nonce=nonce,
        )
        self._memory.put("key", key.key, key)
        return key

    def derive(self, address: str, nonce: int) -> ApiKey:
        """Return the key of this address and nonce.

        Raises:
            Refusal: 400 when there is none.
        """
        key = self._find(address, nonce)
        if key is None:
            raise Refusal(400, "Could not derive api key!")
        return key

    def keys_of(self, address: str) -> list[str]:
        """Return the ids of the live keys of an address."""
        keys = self._memory.keys.values()
        return [key.key for key in keys if key.address == address and not key.revoked]

    def revoke(self, key: ApiKey) -> None:
        """End a key."""
        key.revoked = True
        self._memory.put("key", key.key, key)

    def verify(
        self, headers: Mapping[str, str], method: str, path: str, body: str, now_ms: int
    ) -> ApiKey:
        """Return the key of a private request.

        Raises:
            Refusal: 401 when key, address, passphrase, time or signature is wrong.
        """
        key = self._memory.keys.get(headers.get("poly_api_key", ""))
        stamp = headers.get("poly_timestamp", "")
        if key is None or key.revoked or self._late(stamp, now_ms):
            raise Refusal(401, UNAUTHORIZED)
        expected = auth.l2_signature(key.secret, stamp, method, path, body)
        genuine = hmac.compare_digest(
            expected.encode(), headers.get("poly_signature", "").encode()
        ) and hmac.compare_digest(
            key.passphrase.encode(), headers.get("poly_passphrase", "").encode()
        )
        if not genuine or headers.get("poly_address", "").lower() != key.address.lower():
            raise Refusal(401, UNAUTHORIZED)
        return key

    def of_socket(self, credentials: Mapping[str, object]) -> ApiKey | None:
        """Return the key named in the first frame of a user socket, or None when it is wrong."""
        key = self._memory.keys.get(str(credentials.get("apiKey", "")))
        if key is None or key.revoked:
            return None
        secret = str(credentials.get("secret", "")).encode()
        passphrase = str(credentials.get("passphrase", "")).encode()
        if not hmac.compare_digest(secret, key.secret.encode()):
            return None
        return key if hmac.compare_digest(passphrase, key.passphrase.encode()) else None

    def _find(self, address: str, nonce: int) -> ApiKey | None:
        for key in self._memory.keys.values():
            if key.address == address and key.nonce == nonce and not key.revoked:
                return key
        return None

    def _late(self, stamp: str, now_ms: int) -> bool:
        if not stamp.isdigit():
            return True
        return self._skew_s > 0 and abs(int(stamp) - now_ms // 1000) > self._skew_s
