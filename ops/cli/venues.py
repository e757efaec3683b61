"""touchline sim and paper: the simulated venue alone, and the bot on a mirror of the live one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import Set
from ops.cli.up import up
from settings.place import ROOT


def sim(context: typer.Context) -> None:
    """Run the simulated venue alone, for any client; --help lists its own options.

    The first line it prints is JSON with every URL: set your client's host to `clob`, its
    sockets to `ws_market` and `ws_user`, and put play money into a wallet with
    `POST {control}/wallets` and the header `Authorization: Bearer {token}`.
    """
    sys.stdout.flush()
    arguments = [sys.executable, "-P", "-m", "sim", *context.args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - our own module


def paper(
    set_: Set = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report as JSON to this file.")
    ] = None,
) -> None:
    """Trade with play money on the live feed: `up --profile paper`."""
    up("paper", set_, None, False, report)
