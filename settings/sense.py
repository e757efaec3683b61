"""Settings that are each fine and together make no sense, or are refused with real money."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel

from domain.market import Mode
from settings.keyring import Keyring, KeyringError
from settings.model import Settings

PAPER_ONLY_SCORES = ("market", "heuristic")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def contradictions(settings: Settings) -> list[str]:
    """Return one sentence for every contradiction; empty when all is well."""
    return [
        *_negative(settings, ""),
        *_live(settings),
        *_rules(settings),
        *_places(settings),
        *_secrets(settings),
    ]


def _negative(group: BaseModel, prefix: str) -> Iterator[str]:
    """No setting means anything below zero."""
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _negative(value, f"{prefix}{name}.")
        elif isinstance(value, timedelta) and value < timedelta(0):
            yield f"{prefix}{name} must not be negative, was {value.total_seconds():g} s"
        elif isinstance(value, Decimal) and value < 0:
            yield f"{prefix}{name} must not be negative, was {value}"


def _live(settings: Settings) -> Iterator[str]:
    if settings.mode is not Mode.LIVE:
        return
    if settings.profile != "live":
        yield f"mode live needs the profile live, was {settings.profile}: use --profile live"
    if settings.score.provider in PAPER_ONLY_SCORES:
        yield (
            "score.provider must be http, table, calibrated or none in live mode,"
            f" was {settings.score.provider} (paper only)"
        )
    if settings.score.floor is not None:
        yield f"score.floor must be none in live mode, was {settings.score.floor} (demo only)"
    if settings.sim.source != "off":
        yield f"sim.source must be off in live mode, was {settings.sim.source}"


def _rules(settings: Settings) -> Iterator[str]:
    strategy, exits, entry = settings.strategy, settings.exits, settings.entry
    if strategy.watch_score > strategy.entry_score:
        yield (
            f"strategy.watch_score must not be above strategy.entry_score {strategy.entry_score},"
            f" was {strategy.watch_score}"
        )
    if exits.stop is not None and exits.target is not None and exits.stop >= exits.target:
        yield f"exits.stop must be below exits.target {exits.target}, was {exits.stop}"
    if entry.stake > settings.risk.max_per_market:
        yield (
            f"entry.stake must not be above risk.max_per_market {settings.risk.max_per_market},"
            f" was {entry.stake}: every entry would be refused"
        )
    for name in ("url", "table"):
        wants = {"url": "http", "table": "table"}[name]
        if settings.score.provider == wants and not getattr(settings.score, name):
            yield f"score.{name} must be set for score.provider={wants}, was empty"


def _places(settings: Settings) -> Iterator[str]:
    dashboard = settings.dashboard
    if dashboard.host not in LOOPBACK and not dashboard.token.get_secret_value():
        yield (
            f"dashboard.token must be set when dashboard.host is not loopback,"
            f" was empty with host {dashboard.host}"
        )
    index, _, count = settings.ingest.shard.partition("/")
    if not int(index) < int(count):
        yield f"ingest.shard must be i/n with i below n, was {settings.ingest.shard}"


def _secrets(settings: Settings) -> Iterator[str]:
    try:
        Keyring.parse(settings.temporal.encryption_key.get_secret_value())
    except KeyringError as e:
        yield f"temporal.encryption_key: {e}"
    if settings.wallet.keystore and settings.wallet.private_key.get_secret_value():
        yield "wallet.keystore must be empty when wallet.private_key is set, was set too"
