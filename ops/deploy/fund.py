"""Play money for the wallet of a deployment: `python -m ops.deploy.fund CONTROL_URL`.

The token of the sim's control port is read from SIM_CONTROL_TOKEN, or with `--state` from the
sim's own directory. Once in the wallet's life; a sim that is just starting is waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path

import httpx
from eth_account import Account

from settings.errors import SettingsError
from settings.keystore import unlock
from settings.load import load_settings
from sim.wallets import safe_of


def fund(control: str, token: str, signer: str, usd: str) -> str:
    """Put play money into the Safe of a signer unless it ever had some; return what was done.

    Raises:
        httpx.HTTPError: the sim does not answer, or refuses.
    """
    wallet = safe_of(signer)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=control, headers=headers, timeout=10, trust_env=False) as sim:
        ledger = sim.get("/ledger").raise_for_status().json()
        known = {item["address"].lower(): item for item in ledger["accounts"]}
        if Decimal(known.get(wallet.lower(), {}).get("deposited", "0")) > 0:
            return f"{wallet} has had its play money"
        body = {"address": wallet, "owner": signer, "usd": usd}
        sim.post("/wallets", json=body).raise_for_status()
    return f"{usd} dollars of play money for {wallet}"


def token_in(file: Path, within: float = 60.0) -> str:
    """Return the token that the sim keeps, once it listens.

    Raises:
        ValueError: it did not come up in time.
    """
    end = time.monotonic() + within
    while not file.exists():
        if time.monotonic() > end:
            raise ValueError(f"expected a sim that keeps {file}, was none within {within:g} s")
        time.sleep(0.2)
    return str(json.loads(file.read_text())["token"])


def main() -> int:
    """Fund the wallet that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.fund", description=__doc__)
    parser.add_argument("control", help="URL of the sim's control port")
    parser.add_argument("--state", type=Path, help="the sim's directory, for its token")
    given = parser.parse_args()
    try:
        settings = load_settings()
        signer = str(Account.from_key(unlock(settings.wallet)).address)
        if given.state is None:
            token = os.environ.get("SIM_CONTROL_TOKEN", "")
        else:
            token = token_in(given.state / "sim.json")
        print(fund(given.control, token, signer, str(settings.sim.balance)))
    except (SettingsError, httpx.HTTPError, ValueError) as e:
        print(f"{type(e).__name__}: {e}"[:300], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
