"""The sim as a server of its own for bench.touch_to_post: markets that touch one after the other.

Says its URLs as one JSON line. Then reads lines on standard input: `touch N` lets market N touch;
`tell` prints what was sent and posted, in nanoseconds since 1970, as one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any, cast

import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sim.config import SimConfig
from sim.market import Print, SimMarket
from sim.playback import print_event
from sim.server import Sim
from sim.tape import Print as TapePrint
from sim.units import ONE
from tests.sim.client import SAFE, market, show

CENT = ONE // 100
BELOW, TOUCH = 94 * CENT, 95 * CENT


class Stamped:
    """Notes when each order came in, by its token, before the venue looks at it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.posted: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; look at the bodies of POST /order."""
        if scope["type"] != "http" or scope["path"] != "/order" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        came = time.time_ns()

        async def look() -> Message:
            message = await receive()
            if body := message.get("body"):
                self.posted.setdefault(json.loads(body)["order"]["tokenId"], came)
            return message

        await self._app(scope, look, send)


class StampedSim(Sim):
    """The sim, with a look at the clock in front of its venue port."""

    stamped: Stamped | None = None

    async def _serve(self, app: Starlette, port: int) -> int:
        if self.stamped is None:  # the venue is first, control second
            self.stamped = Stamped(app)
            app = cast(Starlette, self.stamped)
        return await super()._serve(app, port)


class Venue:
    """The markets of one run."""

    def __init__(self, sim: StampedSim, markets: int) -> None:
        self._sim = sim
        self._markets = [self._listed(number) for number in range(1, markets + 1)]
        self._sent: dict[str, int] = {}

    def _listed(self, number: int) -> SimMarket:
        """List a market that was last traded below the threshold, so that a print can cross it."""
        made, engine = market(number), self._sim.engine
        show(engine, made, {"0.93": "500"}, {"0.95": "300"})
        made.printed(Print(engine.now(), 0, BELOW, ONE, "SELL", f"0x{number:064x}"))
        return made

    def touch(self, number: int) -> None:
        """Show a fresh book and let somebody buy at the threshold."""
        touched, engine = self._markets[number], self._sim.engine
        show(engine, touched, {"0.94": "500"}, {"0.95": "300", "0.96": "300"})
        now = engine.now()
        print_event(engine, touched, TapePrint(now, number, TOUCH, 60 * ONE, "BUY"), now)
        self._sent[touched.condition_id] = time.time_ns()
        engine.commit()

    def told(self) -> dict[str, dict[str, int]]:
        """Return when each market's touch was sent and its order came in."""
        assert self._sim.stamped is not None
        posted = self._sim.stamped.posted
        orders = {
            m.condition_id: posted[m.tokens[0]] for m in self._markets if m.tokens[0] in posted
        }
        return {"sent": self._sent, "posted": orders}


def say(what: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps(what), flush=True)


async def serve(markets: int) -> None:
    """Serve until standard input ends."""
    sim = StampedSim(SimConfig(source="none", data_lag_ms=0))
    await sim.start()
    try:
        sim.engine.fund(SAFE, 10**6 * ONE)
        venue = Venue(sim, markets)
        say(sim.urls())
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().split():
            if line[0] == "touch":
                venue.touch(int(line[1]))
            else:
                say(venue.told())
    finally:
        await sim.stop()


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=1_000)
    uvloop.run(serve(parser.parse_args().markets))


if __name__ == "__main__":
    main()
