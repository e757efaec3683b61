"""ops/cli/screen.py: what a person sees, with a terminal and without one."""

from __future__ import annotations

import io
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console

from domain.market import Mode
from ops.cli.screen import Screen, describe
from ops.cli.session import footer
from ops.dashboard.token import NAME
from ops.supervision.supervisor import Event
from settings.load import load_with_sources
from store.views import TradeLine, Views
from tests.ops.traded import Morning


@pytest.fixture
async def trades(pool: asyncpg.Pool[asyncpg.Record]) -> list[TradeLine]:
    await Morning(pool).whole()
    return await Views(pool).trades(Mode.PAPER)


def screen(*, terminal: bool) -> tuple[Screen, io.StringIO]:
    text = io.StringIO()
    return Screen(Console(file=text, force_terminal=terminal, width=160)), text


def test_the_demo_says_what_it_changed_and_what_it_proves() -> None:
    shown, text = screen(terminal=False)
    settings, layer = load_with_sources(["entry.max_price=0.95"], {}, Path("/nonexistent"))
    shown.header(settings, layer)
    said = text.getvalue()
    assert "trigger.source = quote: the recording has books but no trades" in said
    assert "score.provider = market" in said and "refused in live" in said
    assert "entry.max_price" not in said  # changed by the user: no setting of the profile
    assert "18 markets of one morning" in said and "proves nothing about profit" in said


def test_each_step_is_told_with_its_time() -> None:
    shown, text = screen(terminal=False)
    for event in (
        Event("starting", "worker"),
        Event("started", "worker", 1.23),
        Event("crashed", "worker"),
        Event("restarted", "worker", 0.5),
        Event("failed", "worker", text="no [bold]luck[/]"),
        Event("stopped", "worker", 0.1),
    ):
        shown.event(event)
    lines = text.getvalue().splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "worker started in 1.2 s",
        "worker crashed",
        "worker restarted in 0.5 s",
        "worker failed no [bold]luck[/]",
        "worker stopped in 0.1 s",
    ]


def test_without_a_terminal_each_change_is_one_line_once(trades: list[TradeLine]) -> None:
    shown, text = screen(terminal=False)
    with shown:
        shown.trades(trades, "footer")
        shown.trades(trades, "footer")
    lines = text.getvalue().splitlines()
    assert len(lines) == len(trades)
    assert any("settled" in line and "profit 0.38" in line for line in lines)
    assert any("not_entered" in line and "score low" in line for line in lines)


def test_on_a_terminal_there_is_a_table_with_a_footer(trades: list[TradeLine]) -> None:
    shown, text = screen(terminal=True)
    with shown:
        shown.trades(trades, "two settled")
    assert "profit $" in text.getvalue() and "two settled" in text.getvalue()


def test_foreign_words_stay_words(trades: list[TradeLine]) -> None:
    assert "go [red]up[/]?" in describe(trades[0])


def test_the_footer_counts_states_and_tells_of_the_tape(trades: list[TradeLine]) -> None:
    text = footer(trades, {"frames_sent": 7, "tape_done": True})
    assert "settled 2" in text and "frames 7" in text and "tape at its end" in text
    assert "tape" not in footer([], {})


def test_the_token_is_shown_on_a_terminal_and_stays_out_of_a_log(tmp_path: Path) -> None:
    file = tmp_path / "dashboard.token"
    file.write_text("the-token-itself")
    links = {"Dashboard": "http://127.0.0.1:8787", NAME: str(file)}
    for terminal in (True, False):
        shown, text = screen(terminal=terminal)
        shown.links(links)
        assert str(file) in text.getvalue() and "click a trade" in text.getvalue()
        assert ("the-token-itself" in text.getvalue()) is terminal
