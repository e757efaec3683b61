"""Ports on the loopback address."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(wanted: int = 0) -> int:
    """Return the port if nobody listens on it; 0 asks for any.

    Raises:
        OSError: it is taken, or may not be used.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, wanted))
        return int(probe.getsockname()[1])


def first_free_port(*wanted: int) -> int:
    """Return the first of these ports that is free, else any free one; zeros are skipped."""
    for port in filter(None, wanted):
        try:
            return free_port(port)
        except OSError:
            continue
    return free_port()
