"""Run one of our modules as a child that leaves when its supervisor dies.

usage: python -m ops.child LIFELINE MODULE [ARGUMENT …]

LIFELINE is the read end of a pipe; the supervisor holds the only write end. A killed supervisor
closes it, which works on Linux and macOS alike (unlike the parent-death signal of Linux).
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE = 15.0  # seconds between the polite and the final end


def watch(lifeline: int, grace: float = GRACE) -> None:
    """Block until the pipe ends, then end this process: first politely, then for good."""
    while os.read(lifeline, 1):
        pass  # nobody writes; only the end matters
    print("the supervisor is gone: leaving", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)


def main() -> None:
    """Start the watch and become the module."""
    lifeline, module = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(lifeline, False)  # our own children must not keep the read end
    threading.Thread(target=watch, args=(lifeline,), daemon=True, name="lifeline").start()
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
