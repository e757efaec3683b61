"""`touchline replay`: the strategy over a recording, without Temporal, in seconds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from domain.strategy import GROUP, Registry, Strategy
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.show import out, print_json, table
from ops.replay.account import Purse
from ops.replay.engine import Replay
from ops.replay.errors import BadScores, NotATape
from ops.replay.events import Recording, open_tape
from ops.replay.picture import write_pictures
from ops.replay.report import ReplayReport, build
from ops.replay.scores import Scores, assumed, scores_of
from settings.model import Settings

REASONS = ("answer", "rule", "times", "for example")
TRADES = ("touched (UTC)", "question", "outcome", "price", "paid", "shares", "end", "profit $")


def replay(
    tape: Annotated[Path, typer.Argument(help="A recording, NAME.jsonl.zst (docs/tapes.md).")],
    strategy: Annotated[
        str | None, typer.Option(help="Another strategy than strategy.name.", metavar="NAME")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(help="What if the model always said this? 0 to 1.", metavar="VALUE"),
    ] = None,
    delay: Annotated[
        int, typer.Option(help="Milliseconds from a touch to the order's arrival.", min=0)
    ] = 100,
    report: Annotated[
        Path | None, typer.Option(help="Write everything as JSON.", metavar="FILE")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write PREFIX.png and PREFIX.html.", metavar="PREFIX")
    ] = None,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Replay a recording: every decision, fills at the ask that was there, fees, profit."""
    settings = load(profile, [*(set_ or []), *([f"strategy.name={strategy}"] if strategy else [])])
    chosen = find_strategy(settings.strategy.name)
    try:
        made = run(open_tape(tape), settings, chosen, _scores(settings, score), delay)
    except (NotATape, BadScores) as e:
        raise CliError(Exit.ERROR, str(e)) from e
    files = _write(made, report, plot)
    if json:
        print_json(made)
        return
    show(made)
    for file in files:
        out.print(f"Written: {file}", markup=False, soft_wrap=True)


def run(
    recording: Recording, settings: Settings, strategy: Strategy, scores: Scores, delay_ms: int
) -> ReplayReport:
    """Return the report of a whole recording under these settings.

    Raises:
        NotATape: the recording is damaged.
    """
    purse = Purse(settings.sim.balance)
    delay = timedelta(milliseconds=delay_ms)
    engine = Replay(recording.markets, settings.rules, strategy, scores, purse, delay)
    for event in recording.events:
        engine.feed(event)
    engine.finish()
    return build(
        recording, engine, strategy.name, strategy.version, delay_ms, balance=purse.balance
    )


def find_strategy(name: str) -> Strategy:
    """Return a strategy of this package or of an installed one.

    Raises:
        CliError: there is none; lists those that exist. Or two share a name.
    """
    try:
        return Registry(entry_points(group=GROUP)).get(name)
    except (KeyError, ValueError) as e:
        raise CliError(Exit.CONFIGURATION, str(e.args[0])) from e


def show(report: ReplayReport) -> None:
    """Print the report for a person."""
    reasons = [(r.verdict, r.filter, r.times, r.example) for r in report.reasons]
    out.print(table("Why, and why not", REASONS, reasons))
    trades = [
        (t.touched_at, t.question, t.outcome, t.touched, t.average, t.shares, t.exit, t.profit)
        for t in report.trades
    ]
    out.print(table("Trades", TRADES, trades))
    for line in summary(report):
        out.print(line, markup=False, soft_wrap=True)


def summary(report: ReplayReport) -> list[str]:
    """Return the figures in a few lines."""
    wins = report.wins
    lines = [
        f"{report.strategy} {report.strategy_version}: {report.markets} markets,"
        f" {report.events} events, {report.prints} prints, {report.touches} touches,"
        f" {len(report.trades)} trades.",
        f"Profit {report.profit_usd:.6f} USD after {report.fees_usd:.6f} USD of fees,"
        f" on {report.paid_usd:.2f} USD paid; open positions {report.open_usd:+.2f} USD.",
    ]
    if wins.ended:
        lines.append(
            f"Won {wins.won} of {wins.ended}: {wins.rate}, with 95 % confidence {wins.low} to"
            f" {wins.high}; {wins.break_even} is needed to lose nothing."
        )
    if report.attribution:
        lines.append(report.attribution)
    return lines


def _scores(settings: Settings, score: str | None) -> Scores:
    if score is None:
        return scores_of(settings.score)
    try:
        value = Decimal(score)
    except ArithmeticError:
        value = Decimal(-1)
    if not 0 <= value <= 1:
        raise CliError(Exit.CONFIGURATION, f"--score: expected a number from 0 to 1, was {score}")
    return assumed(value)


def _write(made: ReplayReport, report: Path | None, plot: Path | None) -> list[Path]:
    files: list[Path] = []
    try:
        if report is not None:
            report.write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
            files.append(report)
        if plot is not None:
            files.extend(write_pictures(made, plot))
    except OSError as e:
        raise CliError(Exit.ERROR, f"{e.filename}: could not be written: {e.strerror}") from e
    return files
