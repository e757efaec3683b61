"""Reporter: tells of trades entered and settled, from what the books say and nothing else (XD-8).

It reads positions, which exist because a fill was applied in the same transaction. A signal, an
approval or a posted order is no news.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.market import Mode
from domain.money import plain
from ops.alerting.commands import dollars
from store.alerts import Alerts, Priority
from store.desk_news import News, Untold

FRESH = timedelta(hours=1)  # older news is history: an installation that comes back stays quiet
ONCE = timedelta(days=36_500)


class Reporter:
    """Puts news into the outbox, each once whoever looks."""

    def __init__(
        self, mode: Mode, untold: Untold, alerts: Alerts, clock: Callable[[], datetime]
    ) -> None:
        self._mode, self._untold, self._alerts, self._clock = mode, untold, alerts, clock

    async def report(self) -> int:
        """Put what is new into the outbox and return how much that was."""
        now, told = self._clock(), 0
        for news in await self._untold.since(self._mode, now - FRESH):
            title, text = say(news)
            told += await self._alerts.put(
                news.key(self._mode), Priority.NORMAL, title, text, ONCE, now, self._mode
            )
        return told


def say(news: News) -> tuple[str, str]:
    """Return title and text of a piece of news."""
    market = f"{news.outcome} · {news.question or news.workflow_id}"
    if news.kind == "entered":
        at = "unknown" if news.entry_price is None else plain(news.entry_price)
        bought = f"Bought {plain(news.bought)} shares at {at} for {dollars(news.spent)}"
        return "A trade was entered", f"{market}. {bought}. It is looked after until it resolves."
    sign = "+" if news.profit is not None and news.profit > 0 else ""
    profit = f"{sign}{dollars(news.profit)}"
    payout = "" if news.payout is None else f" It paid {plain(news.payout)} a share."
    fees = f"fees of {dollars(news.fees)} included"
    return f"A trade ended: {profit}", f"{market}.{payout} Profit {profit}, {fees}."
