"""settings/permission.py: worker, ingest and up refuse real money that nobody confirmed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from settings.errors import SettingsError
from settings.load import load_settings
from settings.permission import refusals, require_permission

ROOT = Path(__file__).resolve().parents[2]
KEY = "wallet.private_key=0x01"


def test_play_money_needs_no_permission() -> None:
    assert refusals(load_settings([], {}, ROOT / "docs")) == []


def test_real_money_needs_a_wallet_and_a_word(tmp_path: Path) -> None:
    def asked(*changes: str) -> int:
        return len(refusals(load_settings(["profile=live", *changes], {}, tmp_path)))

    assert (asked(), asked(KEY), asked("live_confirmed=true")) == (2, 1, 1)
    assert asked("live_confirmed=true", KEY) == 0
    assert asked("live_confirmed=true", "wallet.keystore=/k") == 0
    with pytest.raises(SettingsError, match="live_confirmed must be true"):
        require_permission(load_settings(["profile=live", KEY], {}, tmp_path))


@pytest.mark.parametrize("module", ["worker", "ingest"])
def test_a_process_that_trades_refuses_to_start_live_unconfirmed(
    module: str, tmp_path: Path
) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")}
    told = {"TOUCHLINE_PROFILE": "live", "TOUCHLINE_WALLET__PRIVATE_KEY": "0x" + "1" * 64}
    command = [sys.executable, "-m", module]
    environ |= {**told, "TOUCHLINE_STATE": str(tmp_path), "TEMPORAL_ADDRESS": "127.0.0.1:9"}
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4 and "live_confirmed must be true" in done.stderr
