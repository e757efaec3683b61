"""The entry of the command line: commands, exit codes, and errors as one clear message."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer._click.exceptions import ClickException

from ops.cli.exits import CliError, Exit
from ops.cli.show import errors
from settings.errors import SettingsError

# Where each command is. Only the one that is asked for is imported: `halt` cannot wait for the
# venue's SDK, which `doctor` needs.
COMMANDS = {
    "up": "up:up",
    "down": "down:down",
    "paper": "venues:paper",
    "sim": "venues:sim",
    "status": "status:status",
    "trades": "trades:trades",
    "why": "explain:why",
    "funnel": "explain:funnel",
    "filters": "explain:filters",
    "halt": "control:halt",
    "reduce": "control:reduce",
    "resume": "control:resume",
    "block": "control:block",
    "unblock": "control:unblock",
    "allow": "control:allow",
    "approve": "acting:approve",
    "reject": "acting:reject",
    "exit": "acting:exit_",
    "levels": "acting:levels",
    "abandon": "acting:abandon",
    "redeem": "redeem:redeem",
    "reconcile": "reconcile:reconcile",
    "health": "health:health",
    "watch": "health:watch",
    "dashboard": "health:dashboard",
    "watchlist": "records:watchlist",
    "alerts": "records:alerts",
    "export": "records:export",
    "logs": "logs:logs",
    "replay": "replay:replay",
    "record": "record:record",
    "migrate": "database:migrate",
    "settings": "status:settings",
    "doctor": "doctor:doctor",
    "chaos": "chaos:chaos",
    "completion": "completion:completion",
    "codec": "codec:codec",
    "key": "codec:key",
    "live": "live:live",
    "canary": "live:canary",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "audit": "audit:audit",
    "deploy": "deploy:app",
    "tape": "tape:app",
}
PASS_ON = {  # these have a parser of their own
    "sim": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
}
SEES_ALL = ("completion",)  # it writes the whole parser down


def program(*words: str) -> typer.Typer:
    """Return the command line: all of it, or the one command that these words ask for."""
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
    app.callback()(lambda: None)  # a program of one command is still named by it
    alone = bool(words) and words[0] in COMMANDS and words[0] not in SEES_ALL
    for name in words[:1] if alone else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        _add(app, name, getattr(import_module(f"ops.cli.{module}"), attribute))
    return app


def _add(app: typer.Typer, name: str, part: Any) -> None:
    if isinstance(part, typer.Typer):
        app.add_typer(part, name=name)
    else:
        app.command(name, context_settings=PASS_ON.get(name))(part)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        return int(program(*arguments)(arguments, standalone_mode=False) or Exit.OK)
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
