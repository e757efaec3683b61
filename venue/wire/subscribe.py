"""What we say on the sockets: subscriptions and the text heartbeat (facts 4.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable

PING = "PING"
PONG = b"PONG"
TOKENS_A_SOCKET = 200  # above about 500 no snapshot arrives; peers shard at 200 (facts 4.5)


def market_first(tokens: Iterable[str]) -> str:
    """Return the frame that opens a market socket; the key `assets_ids` is the venue's."""
    return json.dumps(
        {"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True}
    )


def market_more(tokens: Iterable[str]) -> str:
    """Return the frame that adds tokens to an open market socket."""
    return json.dumps(
        {"operation": "subscribe", "assets_ids": list(tokens), "custom_feature_enabled": True}
    )


def market_less(tokens: Iterable[str]) -> str:
    """Return the frame that removes tokens from an open market socket."""
    return json.dumps({"operation": "unsubscribe", "assets_ids": list(tokens)})


def user_first(api_key: str, secret: str, passphrase: str) -> str:
    """Return the frame that opens the user socket for all our markets. Holds secrets."""
    auth = {"apiKey": api_key, "secret": secret, "passphrase": passphrase}
    return json.dumps({"type": "user", "auth": auth})
