"""Build: settings in, courier and replies out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from temporalio.client import Client

from ops.actions.trades import TradeActions
from ops.alerting.channels import Channel, LogChannel, Telegram, Webhook
from ops.alerting.commands import Commands
from ops.alerting.courier import Courier
from ops.alerting.quiet import QuietHours
from ops.alerting.replies import Replies
from settings.model import Settings
from store.account import Account
from store.alerts import Alerts, Priority
from store.approvals import Approvals
from store.desk_deliveries import Deliveries
from store.desk_standing import Standing

Clock = Callable[[], datetime]


def build_courier(
    settings: Settings, pool: asyncpg.Pool[Any], web: httpx.AsyncClient, clock: Clock
) -> Courier:
    """Return the courier for the channels that the settings name; the log is always one."""
    alerts = settings.alerts
    channels: list[Channel] = []
    if (telegram := _telegram(settings, web)) is not None:
        channels.append(telegram)
    if url := alerts.webhook_url.get_secret_value():
        channels.append(Webhook(web, url))
    return Courier(
        Alerts(pool),
        Deliveries(pool),
        LogChannel(),
        channels,
        QuietHours(alerts.quiet),
        Priority(alerts.least),
        clock,
    )


def build_replies(
    settings: Settings,
    pool: asyncpg.Pool[Any],
    web: httpx.AsyncClient,
    client: Client,
    clock: Clock,
) -> Replies | None:
    """Return what obeys the Telegram chat, or None when no chat is configured."""
    telegram = _telegram(settings, web)
    if telegram is None:
        return None
    commands = Commands(
        settings.mode,
        Account(pool),
        Standing(pool),
        Approvals(pool),
        TradeActions(pool, client, clock),
        clock,
    )
    return Replies(telegram, commands.table(), clock)


def _telegram(settings: Settings, web: httpx.AsyncClient) -> Telegram | None:
    alerts = settings.alerts
    token = alerts.telegram_token.get_secret_value()
    if not token or not alerts.telegram_chat:
        return None
    return Telegram(web, alerts.telegram_url, token, alerts.telegram_chat)
