"""The wallet's key: as set, or out of a keystore file (eth-account's encrypted JSON)."""

from __future__ import annotations

import json
from pathlib import Path

from settings.errors import SettingsError
from settings.model import WalletSettings
from settings.private import read_private


def unlock(wallet: WalletSettings) -> str:
    """Return the private key, or an empty text when neither key nor keystore is set.

    A keystore takes a second or two to open: that is what protects its password.

    Raises:
        SettingsError: the file is missing, open to others, no keystore, or the password is wrong.
    """
    if key := wallet.private_key.get_secret_value():
        return key
    if not wallet.keystore:
        return ""
    path = Path(wallet.keystore).expanduser()
    text = read_private(path, "wallet.keystore")
    from eth_account import Account  # half a second to import, and few processes need it

    try:
        opened = Account.decrypt(json.loads(text), wallet.keystore_password.get_secret_value())
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
        # `from None`: the cause may repeat what was read
        raise SettingsError(
            [
                f"wallet.keystore {path}: expected a keystore that wallet.keystore_password opens,"
                " was another file or another password"
            ]
        ) from None
    return "0x" + bytes(opened).hex()
