"""What `up` shows: each step with its time, the links, the trades; plain lines without a tty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from ops.cli.show import money, printable, table
from ops.cli.trades import COLUMNS, trade_rows
from ops.dashboard.token import NAME as TOKEN
from ops.supervision.supervisor import Event
from settings.layers import Layer
from settings.model import Settings
from settings.profiles import PROFILES, WARNINGS
from store.views import TradeLine

ROWS = 18  # of the live table; all trades are in `touchline trades`


class Screen:
    """Tells a person what happens. On a terminal the table is redrawn; else changes are lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._seen: dict[str, str] = {}

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_table()

    def line(self, text: str, style: str = "") -> None:
        """Print one line above the table; the text is never read as markup."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def header(self, settings: Settings, layer: Layer) -> None:
        """Say which profile runs, every setting it changed, why, and the warning."""
        self.line(f"Touchline · profile {settings.profile} · state {settings.state}", "bold")
        for key, preset in PROFILES[settings.profile].items():
            if preset.note and layer[key].source == f"profile {settings.profile}":
                self.line(f"  {key} = {preset.value}: {preset.note}", "dim")
        self.line(f"  {WARNINGS[settings.profile]}", "yellow")

    def event(self, event: Event) -> None:
        """Show a change of a part; a start is told when it is done, with its time."""
        match event.kind:
            case "started" | "restarted":
                self.line(f"  {event.name:<11}{event.kind} in {event.seconds:.1f} s", "green")
            case "stopped":
                self.line(f"  {event.name:<11}stopped in {event.seconds:.1f} s", "dim")
            case "crashed" | "failed":
                self.line(f"  {event.name:<11}{event.kind} {event.text}".rstrip(), "red")

    def links(self, links: dict[str, str]) -> None:
        """Print where to look, and what to do there first.

        On a terminal the token itself is shown; into a log only the path of its file goes.
        """
        for name, url in links.items():
            place = self._token(url) if name == TOKEN else url
            self._console.print(
                f"  [bold]{escape(name)}[/]  {escape(place)}", soft_wrap=True, highlight=False
            )
        if "Dashboard" in links:
            self.line(
                "  Open the dashboard, sign in with the token, click a trade: it tells its story."
            )

    def _token(self, path: str) -> str:
        file = Path(path)
        if not self._console.is_terminal or not file.is_file():
            return path
        return f"{file.read_text().strip()}  (kept in {path})"

    def trades(self, trades: Sequence[TradeLine], footer: str) -> None:
        """Show the trades as they are now."""
        if not self._console.is_terminal:
            self._changes(trades)
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        shown = table("", COLUMNS, trade_rows(trades[:ROWS]))
        self._live.update(Group(shown, Text(footer, style="dim")), refresh=True)

    def _changes(self, trades: Sequence[TradeLine]) -> None:
        for trade in reversed(trades):
            now = f"{trade.state}|{trade.profit}"
            if self._seen.get(trade.workflow_id) != now:
                self._seen[trade.workflow_id] = now
                self.line(describe(trade))

    def end_table(self) -> None:
        """Leave the last table on screen and go back to lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def describe(trade: TradeLine) -> str:
    """Return one trade as one line of plain text."""
    parts = [f"{trade.state:<12}{printable(trade.question or trade.condition_id, 50)}"]
    parts.append(printable(trade.outcome, 12))
    if trade.bought and trade.entry_price is not None:
        parts.append(f"{money(trade.bought)} at {money(trade.entry_price)}")
    if trade.profit is not None:
        parts.append(f"profit {money(trade.profit)}")
    elif trade.state in ("not_entered", "declined"):
        parts.append(printable(trade.reason, 70))
    return "  " + " · ".join(parts)
