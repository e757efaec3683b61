"""What the sim has to say on its sockets, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.frames import Frame


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """For every market socket that follows one of the tokens; `custom` needs the opt-in."""

    tokens: tuple[str, ...]
    frame: Frame
    custom: bool = False
    broadcast: bool = False  # to every socket with the opt-in, whatever it follows


@dataclass(frozen=True, slots=True)
class UserEvent:
    """For the user sockets of one API key."""

    owner: str
    condition_id: str
    frame: Frame


class Outbox:
    """Collects events until the shell has written the journal and sends them."""

    def __init__(self) -> None:
        self._events: list[MarketEvent | UserEvent] = []
        self.heard: Callable[[], bool] = lambda: True  # is anybody on a market socket?

    def market(self, event: MarketEvent) -> None:
        """Add a frame for market sockets."""
        self._events.append(event)

    def user(self, event: UserEvent) -> None:
        """Add a frame for user sockets."""
        self._events.append(event)

    def drain(self) -> list[MarketEvent | UserEvent]:
        """Return what was added since the last call."""
        events, self._events = self._events, []
        return events
