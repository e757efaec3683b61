"""The entry of the command line: commands, exit codes, and errors as one clear message."""

from __future__ import annotations

import os
import sys

import typer
from typer._click.exceptions import ClickException

from ops.cli import (
    acting,
    chaos,
    completion,
    control,
    database,
    doctor,
    down,
    explain,
    health,
    logs,
    reconcile,
    record,
    records,
    redeem,
    replay,
    serving,
    status,
    tape,
    trades,
    up,
    venues,
)
from ops.cli.exits import CliError, Exit
from ops.cli.show import errors
from settings.errors import SettingsError

app = typer.Typer(
    name="touchline",
    help="Touchline buys an outcome at its first touch of a threshold, and looks after it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 ok, 1 error, 2 not found, 3 not running, 4 configuration, 5 timeout."
    " `touchline check` and `touchline test` check and test this code.",
)
app.command()(up.up)
app.command()(down.down)
app.command()(venues.paper)
app.command(context_settings=venues.PASS_ON)(venues.sim)
app.command()(status.status)
app.command()(trades.trades)
app.command()(explain.why)
app.command()(explain.funnel)
app.command()(explain.filters)
app.command()(control.halt)
app.command()(control.reduce)
app.command()(control.resume)
app.command()(control.block)
app.command()(control.unblock)
app.command()(control.allow)
app.command()(acting.approve)
app.command()(acting.reject)
app.command("exit")(acting.exit_)
app.command()(acting.levels)
app.command()(acting.abandon)
app.command()(redeem.redeem)
app.command()(reconcile.reconcile)
app.command()(health.health)
app.command()(health.watch)
app.command()(health.dashboard)
app.command()(records.watchlist)
app.command()(records.alerts)
app.command()(records.export)
app.command()(logs.logs)
app.command()(replay.replay)
app.command()(record.record)
app.command()(database.migrate)
app.command()(status.settings)
app.command()(doctor.doctor)
app.command()(chaos.chaos)
app.command()(completion.completion)
serving.add_to(app)
app.add_typer(tape.app, name="tape")


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        return int(app(arguments, standalone_mode=False) or Exit.OK)
    except SettingsError as e:
        return _fail("\n".join(e.problems), Exit.CONFIGURATION)
    except CliError as e:
        return _fail(str(e), e.code)
    except ClickException as e:
        return _fail(e.format_message(), Exit.CONFIGURATION)
    except typer.Abort:
        return _fail("stopped", Exit.ERROR)
    except BrokenPipeError:  # `touchline trades | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _fail(text: str, code: Exit) -> int:
    first, *more = text.splitlines() or [""]
    errors.print(f"touchline: {first}", markup=False, soft_wrap=True)
    for line in more:
        errors.print(f"  {line}", markup=False, soft_wrap=True)
    return code


def run() -> None:
    """Run the command of this process."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
