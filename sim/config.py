"""Configuration of the sim: flags, environment (TOUCHLINE_SIM_…) or a JSON file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SimConfig(BaseModel):
    """Everything that can be set. Delays in milliseconds of real time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 0  # 0 takes a free one, and the same again on the next start
    control_port: int = 0
    control_token: str = ""  # empty makes one and prints it
    state: Path | None = None  # None keeps nothing
    source: Literal["tape", "mirror", "synthetic", "none"] = "tape"
    tape: Path | None = None
    speed: float = Field(default=30.0, gt=0)
    lead_ms: int = 1000  # from ready to the first event
    held: bool = False  # wait for POST /play before the clock starts
    mined_ms: int = 1000
    confirmed_ms: int = 2500
    relayer_ms: int = 500
    taker_delay_ms: int = 0  # held back by the engine before a crypto taker order matches
    visible_ms: int = 0  # reads show a new order only after this
    data_lag_ms: int = 500  # Data API behind the CLOB
    gtd_early_s: int = 60
    heartbeat_s: float = 10.0
    auth_skew_s: int = 300
    max_assets: int = 500
    fee_in_shares: bool = False  # buys pay the fee in shares instead of dollars (facts 3.5)
    queue: int = 20_000  # frames waiting for one slow socket before it is closed
    seed: int = 1
    synthetic_markets: int = 200
    synthetic_minutes: float = 15.0  # life of a market on the source's clock
    synthetic_overlap: int = 20  # markets alive at once
    synthetic_hz: float = 1.0  # book changes per market and second of the source's clock
    mirror_clob: str = ""
    mirror_ws: str = ""
    mirror_gamma: str = ""
    mirror_tokens: tuple[str, ...] = ()
    mirror_limit: int = 200  # markets
    default_fee_rate: Decimal = Decimal("0.07")
