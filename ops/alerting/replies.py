"""Replies: commands from the one configured Telegram chat, answered in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ops.actions.refusal import Refused
from ops.alerting.channels import Undelivered

log = structlog.get_logger()

TOO_OLD = timedelta(minutes=5)  # a command that waited longer may no longer be meant
WAIT = 25  # seconds the server holds a request without news

Command = Callable[[str, str], Awaitable[str]]  # (argument, who) → answer


class Chat(Protocol):
    """The part of Telegram that is used here."""

    chat: str

    async def say(self, text: str) -> None:
        """Send a text to the configured chat."""

    async def updates(self, offset: int, wait: int) -> list[dict[str, object]]:
        """Return messages from `offset` on."""


class Replies:
    """Obeys the configured chat and nobody else; others get no answer and are counted."""

    def __init__(
        self, chat: Chat, commands: dict[str, Command], clock: Callable[[], datetime]
    ) -> None:
        self._chat, self._commands, self._clock = chat, commands, clock
        self._offset = 0
        self.counts: Counter[str] = Counter()

    async def listen(self, wait: int = WAIT) -> int:
        """Take the messages that wait, obey them, and return how many there were.

        Raises:
            Undelivered: Telegram does not answer.
        """
        updates = await self._chat.updates(self._offset, wait)
        for update in updates:
            number = update.get("update_id")
            if isinstance(number, int):
                self._offset = max(self._offset, number + 1)
            await self._take(update.get("message"))
        return len(updates)

    async def _take(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        chat, text = message.get("chat"), message.get("text")
        where = str(chat.get("id")) if isinstance(chat, dict) else ""
        if where != self._chat.chat:
            self.counts["stranger"] += 1
            log.warning("telegram_stranger", chat=where[:30])
            return
        if isinstance(text, str) and text.startswith("/"):
            try:
                await self._chat.say(await self._obey(text, message))
            except Undelivered as e:
                log.warning("telegram_answer_lost", error=str(e))

    async def _obey(self, text: str, message: dict[str, object]) -> str:
        word, _, argument = text[1:].partition(" ")
        name = word.partition("@")[0].lower()
        command = self._commands.get(name)
        if command is None:
            return "I know " + ", ".join(f"/{known}" for known in self._commands)
        if self._age(message) > TOO_OLD:
            return f"/{name} came more than {TOO_OLD.seconds // 60} minutes late: send it again"
        self.counts[name] += 1
        try:
            return await command(argument.strip(), _sender(message))
        except Refused as e:
            return f"Not done: {e}"

    def _age(self, message: dict[str, object]) -> timedelta:
        sent = message.get("date")
        if not isinstance(sent, int):
            return timedelta.max
        return self._clock() - datetime.fromtimestamp(sent, UTC)


def _sender(message: dict[str, object]) -> str:
    sender = message.get("from")
    number = sender.get("id") if isinstance(sender, dict) else None
    return f"telegram:{number or 'unknown'}"
