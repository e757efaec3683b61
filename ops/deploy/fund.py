"""Play money for the wallet of a deployment: `python -m ops.deploy.fund CONTROL_URL`.

The token of the sim's control port is read from SIM_CONTROL_TOKEN. Once in the wallet's life.
"""

from __future__ import annotations

import argparse
import os
import sys
from decimal import Decimal

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


def main() -> int:
    """Fund the wallet that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.fund", description=__doc__)
    parser.add_argument("control", help="URL of the sim's control port")
    control = parser.parse_args().control
    try:
        settings = load_settings()
        signer = str(Account.from_key(unlock(settings.wallet)).address)
        token = os.environ.get("SIM_CONTROL_TOKEN", "")
        print(fund(control, token, signer, str(settings.sim.balance)))
    except (SettingsError, httpx.HTTPError, ValueError) as e:
        print(f"{type(e).__name__}: {e}"[:300], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
