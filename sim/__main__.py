"""`python -m sim`: a Polymarket on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.config import SimConfig
from sim.listener import PortError
from sim.mirror import MirrorError
from sim.server import StateError, serve
from sim.tape import TapeError

PREFIX = "TOUCHLINE_SIM_"


def configuration(arguments: list[str], environment: dict[str, str]) -> SimConfig:
    """Return the configuration: a JSON file, over it the environment, over it the flags.

    Raises:
        ValueError: a file, key or value is wrong; the text names it.
    """
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--config", type=Path, help="JSON file with any of the settings below")
    for name, field in SimConfig.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            parser.add_argument(flag, action="store_const", const=True)
        elif name == "mirror_tokens":
            parser.add_argument(flag, nargs="*")
        else:
            parser.add_argument(flag)
    flags = vars(parser.parse_args(arguments))
    values = _file(flags.pop("config"))
    for name, value in environment.items():
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}_"):  # __ is the bot's own
            values[name.removeprefix(PREFIX).lower()] = value
    values.update({name: value for name, value in flags.items() if value is not None})
    return SimConfig.model_validate(values)


def _file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = json.loads(path.read_text())
    except OSError as cause:
        raise ValueError(f"config {path}: expected a file, was {cause.strerror}") from cause
    if not isinstance(values, dict):
        raise ValueError(f"config {path}: expected a JSON object, was {type(values).__name__}")
    return values


def run(arguments: list[str]) -> int:
    """Run the sim; return the exit code (4 for a wrong configuration, 1 for what it cannot use)."""
    try:
        config = configuration(arguments, dict(os.environ))
    except ValidationError as error:
        for problem in error.errors():
            place = ".".join(str(part) for part in problem["loc"])
            sys.stderr.write(f"sim: {place}: {problem['msg']}, was {problem['input']!r}\n")
        return 4
    except ValueError as error:
        sys.stderr.write(f"sim: {error}\n")
        return 4
    try:
        asyncio.run(serve(config))
    except (StateError, PortError, TapeError, MirrorError) as error:
        sys.stderr.write(f"sim: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
