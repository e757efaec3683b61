"""A wallet for play money: its key is made once and kept in the state directory.

The sim verifies every signature, as the venue does, so that even a demo needs a real key.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from eth_account import Account


@dataclass(frozen=True, slots=True)
class PlayWallet:
    """A key that never sees real money, and the address that signs with it."""

    private_key: str = field(repr=False)
    signer: str

    @classmethod
    def kept_in(cls, state: Path) -> PlayWallet:
        """Return the wallet of a state directory, made the first time."""
        path = state / "play-wallet.key"
        if not path.exists():
            handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write("0x" + secrets.token_hex(32))
        key = path.read_text()
        return cls(key, str(Account.from_key(key).address))
