"""A part for supervision tests: says it is ready, then waits; ends as it is told to."""

from __future__ import annotations

import signal
import sys
import time


def main() -> None:
    """Print `ready`, or end at once with `crash`, or be deaf to SIGTERM with `stubborn`."""
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    if how == "crash":
        print("no such thing", flush=True)
        sys.exit(3)
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    time.sleep(1000)


if __name__ == "__main__":
    main()
