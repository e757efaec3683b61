"""The settings tree: one frozen model; the rules of a trade are domain/rules.py, unchanged."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from domain.market import Mode
from domain.money import Usd
from domain.rules import TradeRules
from settings.canonical import digest
from settings.place import default_state

ProfileName = Literal["demo", "paper", "live"]
NO_SECRET = SecretStr("")


class Section(BaseModel):
    """A group of settings that are no rules of a trade; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TemporalSettings(Section):
    """Where Temporal is. Without an address an embedded dev server is started."""

    address: str = ""  # host:port; also TEMPORAL_ADDRESS
    namespace: str = "default"
    task_queue: str = ""  # empty: trades-paper or trades-live, so that modes never mix
    ui_url: str = ""  # for links; found out by itself for the embedded server
    embedded: bool = False  # set by `up` for its own server, which knows no TLS
    codec_token: SecretStr = NO_SECRET  # of `touchline codec`; empty: made and kept in the state
    versioning: bool = False  # worker deployment versions: docs/decisions/0005
    encryption_key: SecretStr = NO_SECRET  # ID:BASE64,… AES-256, newest first; empty: plain


class VenueSettings(Section):
    """URLs of the venue (or of the sim, which differs by them alone) and the API key."""

    clob_url: str = "https://clob.polymarket.com"
    gamma_url: str = "https://gamma-api.polymarket.com"
    data_url: str = "https://data-api.polymarket.com"
    relayer_url: str = "https://relayer-v2.polymarket.com"
    site_url: str = "https://polymarket.com"  # the geoblock check lives there
    rpc_url: str = "https://polygon.drpc.org"
    market_ws_url: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    user_ws_url: str = "wss://ws-subscriptions-clob.polymarket.com/ws/user"
    chain_id: int = 137
    api_key: SecretStr = NO_SECRET  # the three are derived from the wallet when empty
    api_secret: SecretStr = NO_SECRET
    api_passphrase: SecretStr = NO_SECRET
    relayer_api_key: SecretStr = NO_SECRET  # gasless redemption; an EOA needs none
    relayer_api_address: str = ""
    timeout: timedelta = timedelta(seconds=5)


class WalletSettings(Section):
    """Who signs and who owns the money. The key reaches the signer and nothing else."""

    private_key: SecretStr = NO_SECRET
    keystore: str = ""  # instead of the key: a file of encrypted JSON, as wallets export it
    keystore_password: SecretStr = NO_SECRET
    address: str = ""  # the funder (deposit wallet); empty: derived from the key
    signature_type: int = Field(default=2, ge=0, le=3)


class IngestSettings(Section):
    """The market stream (design section 8)."""

    tokens_per_socket: int = Field(default=200, ge=1, le=500)
    shard: str = Field(default="0/1", pattern=r"^\d+/\d+$")
    queue: int = Field(default=10_000, ge=100)  # triggers; when full, reading stops
    ping_every: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=30)  # a frozen socket is replaced within this
    dispatches: int = Field(default=32, ge=1)  # starts and signals under way at once


class ScheduleSettings(Section):
    """How often the workflows beside the trades run."""

    discover: timedelta = timedelta(minutes=5)  # between two whole passes over the catalogue
    reconcile: timedelta = timedelta(minutes=1)
    health: timedelta = timedelta(minutes=1)


class AlertSettings(Section):
    """Where alerts go; with nothing set they stay in the store, the log and the dashboard."""

    webhook_url: SecretStr = NO_SECRET  # a webhook's URL often is its password
    telegram_token: SecretStr = NO_SECRET
    telegram_chat: str = ""  # the only chat whose commands are obeyed
    telegram_url: str = "https://api.telegram.org"
    least: Literal["low", "normal", "high"] = "normal"  # quieter ones stay in log and dashboard
    quiet: str = Field(default="", pattern=r"^(\d\d:\d\d-\d\d:\d\d)?$")  # UTC; high ones pass
    cool_down: timedelta = timedelta(minutes=15)


class DashboardSettings(Section):
    """The dashboard; always authenticated, with a token made at first start when none is set."""

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)  # 0: any free port
    token: SecretStr = NO_SECRET


class SimSettings(Section):
    """The simulated venue; `off` outside demo and paper."""

    source: Literal["off", "tape", "mirror", "synthetic"] = "off"
    tape: Path = Path("data/tapes/btc15m.jsonl.zst")
    speed: Decimal = Field(default=Decimal(1), gt=0, le=10_000)
    seed: int = 1
    balance: Usd = Usd(Decimal(1000))  # play money


class LogSettings(Section):
    """What is written to the log files of the state directory."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class Settings(TradeRules):
    """Everything that can be set. Sources, later ones win: see settings/load.py."""

    profile: ProfileName = "demo"
    mode: Mode = Mode.PAPER
    state: Path = Field(default_factory=default_state)  # also TOUCHLINE_STATE
    database_url: SecretStr = NO_SECRET  # also DATABASE_URL; empty: embedded PostgreSQL
    live_confirmed: bool = False  # real money moves only when a person said so
    metrics_host: str = "127.0.0.1"  # where --metrics listens; 0.0.0.0 inside a container
    temporal: TemporalSettings = TemporalSettings()
    venue: VenueSettings = VenueSettings()
    wallet: WalletSettings = WalletSettings()
    ingest: IngestSettings = IngestSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    alerts: AlertSettings = AlertSettings()
    dashboard: DashboardSettings = DashboardSettings()
    sim: SimSettings = SimSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _queue_of_the_mode(self) -> Self:
        """Give each mode a queue of its own: a worker of play money never serves a live trade."""
        if not self.temporal.task_queue:
            queue = {"task_queue": f"trades-{self.mode.value}"}
            object.__setattr__(self, "temporal", self.temporal.model_copy(update=queue))
        return self

    @property
    def rules(self) -> TradeRules:
        """Return the rules of a trade alone: what travels into workflows and activities."""
        return TradeRules(**{name: getattr(self, name) for name in TradeRules.model_fields})

    @property
    def rules_hash(self) -> str:
        """Return the SHA-256 of the rules; equal rules give equal hashes (spec 16)."""
        return digest(self.rules)
