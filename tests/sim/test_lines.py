"""The outgoing side of the sockets: frames on the wire, bounds, and clients that are gone."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from sim import sockets
from sim.hub import Line, Message
from sim.playback import changes_event
from sim.server import Sim, running
from sim.units import micro
from tests.sim.client import QUIET, market, show
from tests.waiting import eventually


@pytest.mark.parametrize("size", [0, 4, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_what_a_server_of_the_library_would_send(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    assert Message(text).wire == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


async def test_a_line_that_nobody_reads_is_closed_and_never_robbed() -> None:
    line = Line(3)
    for number in range(4):
        line.put(Message(number))
    assert line.closed == 1013
    assert await line.next() is None


def change(sim: Sim, number: int) -> None:
    price = micro("0.5") - 10_000 * (number % 40)
    changes_event(sim.engine, market(), [("B", price, micro(str(1 + number)))], sim.engine.now())
    sim.engine.commit()


async def test_a_client_that_reads_slowly_gets_every_frame_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "HIGH_WATER", 4096)
    async with running(QUIET) as sim:
        show(sim.engine, market(), {"0.5": "1"}, {"0.6": "1"})
        url = sim.urls()["ws_market"]
        async with connect(url, ping_interval=None, max_queue=1) as socket:
            await socket.send(json.dumps({"type": "market", "assets_ids": [market().tokens[0]]}))
            await socket.recv()
            for number in range(3000):
                change(sim, number)
            sizes = [
                json.loads(await socket.recv())["price_changes"][0]["size"] for _ in range(3000)
            ]
    assert sizes == [str(1 + number) for number in range(3000)]


async def test_a_client_that_reads_nothing_at_all_is_cut_off_at_the_bound() -> None:
    async with running(QUIET.model_copy(update={"queue": 50})) as sim:
        show(sim.engine, market(), {"0.5": "1"}, {"0.6": "1"})
        url = sim.urls()["ws_market"]
        async with connect(url, ping_interval=None) as socket:
            await socket.send(json.dumps({"type": "market", "assets_ids": [market().tokens[0]]}))
            await socket.recv()
            for number in range(60):  # nobody gets a chance to write in between
                change(sim, number)
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await socket.recv()
            assert caught.value.rcvd is not None and caught.value.rcvd.code == 1013
        await eventually(lambda: not sim.engine.hub.market_lines)


async def test_a_client_that_vanishes_is_forgotten_with_all_that_waited_for_it() -> None:
    async with running(QUIET) as sim:
        show(sim.engine, market(), {"0.5": "1"}, {"0.6": "1"})
        socket = await connect(sim.urls()["ws_market"], ping_interval=None)
        await socket.send(json.dumps({"type": "market", "assets_ids": [market().tokens[0]]}))
        await socket.recv()
        socket.transport.abort()
        for number in range(500):
            change(sim, number)
        await eventually(lambda: not sim.engine.hub.market_lines)


async def test_a_tape_that_cannot_keep_up_falls_behind_and_leaves_the_sim_answering() -> None:
    """Found by the load bench: all that was due was played at once, for seconds."""
    crowd = {"synthetic_markets": 60, "synthetic_overlap": 60, "synthetic_minutes": 10.0}
    config = QUIET.model_copy(update={"source": "synthetic", "speed": 2000, "lead_ms": 0, **crowd})
    async with running(config) as sim, httpx.AsyncClient() as http:
        waits = []
        for _ in range(20):
            answer = await http.get(sim.urls()["clob"] + "/time")
            waits.append(answer.elapsed.total_seconds())
        assert not sim.engine.memory.position.done  # or this would prove nothing
        assert max(waits) < 1
