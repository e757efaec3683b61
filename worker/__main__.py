"""`python -m worker [--metrics PORT]`: everything else it needs comes from the settings."""

from __future__ import annotations

import argparse
import gc
import sys

import structlog
import uvloop

from settings.errors import SettingsError
from settings.load import load_settings
from settings.logs import log_to
from settings.permission import require_permission
from venue.errors import VenueError
from worker.main import run
from worker.telemetry import expose

FAILED, MISCONFIGURED = 1, 4  # exit codes (design 13)


def main() -> int:
    """Read the settings, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("--metrics", type=int, default=0, help="port of Temporal's metrics; 0: off")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        require_permission(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    log_to(settings.log.level, settings.log.format)
    if arguments.metrics:
        expose(arguments.metrics, settings.metrics_host)
    gc.freeze()  # what was imported stays: each look through it would cost 0.1 to 0.2 s
    try:
        uvloop.run(run(settings))
    except (VenueError, OSError, ValueError) as error:
        structlog.get_logger().error("failed", error=repr(error))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
