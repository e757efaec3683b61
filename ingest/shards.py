"""Which markets are ours, and which socket carries which token."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `index` of `count`; two replicas of one shard are fine."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `i/n`.

        Raises:
            ValueError: not of this form, or i is not below n.
        """
        index, slash, count = text.partition("/")
        if not (slash and index.isdigit() and count.isdigit() and int(index) < int(count)):
            raise ValueError(
                f"expected a shard like 0/2 with the first below the second, was {text!r}"
            )
        return cls(int(index), int(count))

    def owns(self, condition_id: str) -> bool:
        """Return whether a market belongs here; stable across machines and restarts."""
        return zlib.crc32(condition_id.encode()) % self.count == self.index


@dataclass(frozen=True, slots=True)
class Move:
    """What changes on one socket."""

    socket: int
    more: tuple[str, ...]
    less: tuple[str, ...]


class Placement:
    """Places tokens on sockets of bounded size; a placed token never moves."""

    def __init__(self, room: int) -> None:
        """At most `room` tokens a socket."""
        self._room = room
        self.sockets: dict[int, set[str]] = {}
        self._where: dict[str, int] = {}
        self._next = 0
        self._recent = -1  # had room when last used: saves the search for 30,000 tokens

    def want(self, tokens: Iterable[str]) -> list[Move]:
        """Make the placement hold exactly these tokens; return the changes by socket.

        A socket with nothing left is gone from `sockets` after the call.
        """
        wanted = dict.fromkeys(tokens)
        less: dict[int, list[str]] = {}
        for token in [token for token in self._where if token not in wanted]:
            less.setdefault(self._where[token], []).append(token)
            self.sockets[self._where.pop(token)].discard(token)
        more: dict[int, list[str]] = {}
        for token in wanted:
            if token not in self._where:
                more.setdefault(self._put(token), []).append(token)
        for socket in [socket for socket, held in self.sockets.items() if not held]:
            del self.sockets[socket]
        changed = sorted(less.keys() | more.keys())
        return [Move(s, tuple(more.get(s, ())), tuple(less.get(s, ()))) for s in changed]

    def _put(self, token: str) -> int:
        """Place one token on the first socket with room, or on a new one."""
        socket: int | None = self._recent
        if len(self.sockets.get(self._recent, "x" * self._room)) >= self._room:
            socket = next((s for s, held in self.sockets.items() if len(held) < self._room), None)
        if socket is None:
            socket, self._next = self._next, self._next + 1
            self.sockets[socket] = set()
        self.sockets[socket].add(token)
        self._where[token] = self._recent = socket
        return socket
