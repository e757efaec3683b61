"""Channels: log, Telegram and a generic webhook. Texts go out as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httpx
import structlog

from store.alerts import Alert

log = structlog.get_logger()

TELEGRAM_MOST = 4000  # characters; the API refuses more than 4096


class Undelivered(Exception):
    """A channel did not take an alert. `final`: the same text will never be taken."""

    def __init__(self, text: str, *, wait: float = 0.0, final: bool = False) -> None:
        super().__init__(text)
        self.wait = wait  # seconds the channel asked us to wait
        self.final = final


class Channel(Protocol):
    """Somewhere an alert can go."""

    name: str

    async def send(self, alert: Alert) -> None:
        """Deliver one alert.

        Raises:
            Undelivered: it was not taken, or we cannot know.
        """


def headline(alert: Alert) -> str:
    """Return the first line: mode, loudness, title. Paper money is always labelled (XD-8)."""
    mode = f"[{alert.mode.value.upper()}] " if alert.mode else ""
    loud = "❗ " if alert.priority == "high" else ""
    return f"{mode}{loud}{alert.title}"


def body(alert: Alert) -> str:
    """Return the rest of the text, with what the gate held back before."""
    held = f"\n({alert.suppressed} more of this kind were held back)" if alert.suppressed else ""
    return f"{alert.text}{held}"


class LogChannel:
    """One line in the log; never fails."""

    name = "log"

    async def send(self, alert: Alert) -> None:
        """Log the alert."""
        log.warning(
            "alert",
            key=alert.key,
            mode=alert.mode.value if alert.mode else None,
            priority=alert.priority.value,
            title=alert.title,
            text=alert.text,
        )


class Webhook:
    """POST of one JSON object; `Idempotency-Key` lets the receiver drop a repeat."""

    name = "webhook"

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url

    async def send(self, alert: Alert) -> None:
        """Post the alert as JSON."""
        content = {
            "id": alert.alert_id,
            "key": alert.key,
            "mode": alert.mode.value if alert.mode else None,
            "priority": alert.priority.value,
            "title": headline(alert),
            "text": body(alert),
            "raised_at": alert.raised_at.isoformat(),
        }
        key = {"Idempotency-Key": f"touchline-alert-{alert.alert_id}"}
        await post(self._client, self._url, content, key)


class Telegram:
    """Messages to one chat. The token is part of the URL, so no error text may hold a URL."""

    name = "telegram"

    def __init__(self, client: httpx.AsyncClient, url: str, token: str, chat: str) -> None:
        self._client, self._root, self.chat = client, f"{url}/bot{token}", chat

    async def send(self, alert: Alert) -> None:
        """Send the alert to the chat."""
        await self.say(f"{headline(alert)}\n{body(alert)}")

    async def say(self, text: str) -> None:
        """Send a plain text to the chat."""
        content = {
            "chat_id": self.chat,
            "text": text[:TELEGRAM_MOST],
            "link_preview_options": {"is_disabled": True},
        }
        await post(self._client, f"{self._root}/sendMessage", content)

    async def updates(self, offset: int, wait: int) -> list[dict[str, object]]:
        """Return messages from `offset` on; the server holds the request up to `wait` seconds."""
        content = {"offset": offset, "timeout": wait, "allowed_updates": ["message"]}
        reply = await post(self._client, f"{self._root}/getUpdates", content, timeout=wait + 10.0)
        found = reply.json().get("result", [])
        return [update for update in found if isinstance(update, dict)]


async def post(
    client: httpx.AsyncClient,
    url: str,
    content: Mapping[str, object],
    headers: dict[str, str] | None = None,
    timeout: float = 10.0,
) -> httpx.Response:
    """Post JSON and return the answer of a 2xx.

    Raises:
        Undelivered: anything else. The text has no URL: it may hold a token.
    """
    try:
        reply = await client.post(url, json=content, headers=headers, timeout=timeout)
    except httpx.TransportError as e:
        raise Undelivered(f"no answer: {type(e).__name__}") from None
    except httpx.InvalidURL:
        raise Undelivered("the URL is not valid", final=True) from None
    if reply.is_success:
        return reply
    wait = _asked_to_wait(reply)
    final = reply.status_code in (400, 413, 422)
    raise Undelivered(f"HTTP {reply.status_code}", wait=wait, final=final)


def _asked_to_wait(reply: httpx.Response) -> float:
    if reply.status_code not in (429, 503):
        return 0.0
    said: object = reply.headers.get("Retry-After")
    if said is None:
        try:
            said = reply.json()["parameters"]["retry_after"]
        except (ValueError, KeyError, TypeError):
            return 0.0
    try:
        return min(max(float(str(said)), 0.0), 3600.0)
    except ValueError:
        return 0.0  # an HTTP date: our own back-off is good enough
