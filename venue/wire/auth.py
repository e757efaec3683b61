"""L2 request signatures: HMAC-SHA256 over timestamp, method, path and body (facts 2.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac


def l2_signature(secret: str, timestamp: str, method: str, path: str, body: str = "") -> str:
    """Return the urlsafe base64 signature, with padding.

    `path` excludes the query string; `body` is the exact text sent, empty when there is none.

    Raises:
        ValueError: the secret is not base64.
    """
    try:
        key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except (binascii.Error, ValueError) as cause:
        raise ValueError("expected a base64 secret, was something else") from cause
    message = f"{timestamp}{method}{path}{body}".encode()
    return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def l2_headers(
    *,
    address: str,
    key: str,
    secret: str,
    passphrase: str,
    timestamp: str,
    method: str,
    path: str,
    body: str = "",
) -> dict[str, str]:
    """Return the five POLY_ headers of a private request."""
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": key,
        "POLY_PASSPHRASE": passphrase,
        "POLY_TIMESTAMP": timestamp,
        "POLY_SIGNATURE": l2_signature(secret, timestamp, method, path, body),
    }
