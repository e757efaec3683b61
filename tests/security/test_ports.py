"""Hostile and oversized input on every listening port: a clear refusal, and all goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.postgres import TestPostgres
from tests.security.ports import BEARER, KEY, PATHS, TOKEN, Port, head, listening, status
from tests.waiting import eventually

NAMES = tuple(PATHS)
WEB = ("dashboard", "codec", "sim", "control")  # what we serve ourselves; the rest are libraries
MOST = 100 << 20  # bytes that a process may gain over all of this


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Port]]:
    """Serve everything, once."""

    async def dsn() -> str:
        server = TestPostgres.shared()
        await server.ensure_template()
        return await server.database().__aenter__()

    with listening(tmp_path_factory.mktemp("ports"), asyncio.run(dsn())) as found:
        before = {name: port.memory() for name, port in found.items()}
        yield found
        for name, port in found.items():
            assert port.memory() - before[name] < MOST, f"{name} grew beyond all bounds"
            if name not in ("sim", "control"):  # the sim hands its token to who started it
                assert not tells(port.log.read_bytes()), name


def tells(text: bytes) -> list[str]:
    """Return the secrets and innards that a text gives away."""
    innards = (TOKEN, KEY.partition(":")[2], "Traceback", 'File "', "root:x:", "[project]")
    return [what for what in innards if what.encode() in text]


def harmless(port: Port, answer: bytes) -> None:
    """Assert that an answer tells nothing, and that the port serves as before."""
    assert not tells(answer)
    assert port.well(), port.log.read_text()[-2000:]


def refused(answer: bytes) -> bool:
    """Return whether it was refused as the asker's fault, or closed without an answer."""
    return status(answer) == 0 or 400 <= status(answer) < 500 or status(answer) in (501, 505)


JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
MEGABYTE = b"a" * (1 << 20)
HEADS = {
    "a request line without end": b"GET /" + MEGABYTE,
    "one header of a megabyte": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + MEGABYTE + b"\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02" + bytes(range(256)) + b"\r\n" * 4,
    "a negative length": head("POST", "/", "Content-Length: -5"),
    "a length that is no number": head("POST", "/", "Content-Length: many"),
    "two lengths": head("POST", "/", "Content-Length: 3", "Content-Length: 30") + b"abc",
    "a bad chunk": head("POST", "/wallets", "Transfer-Encoding: chunked") + b"zz\r\nabc\r\n",
    "bytes that are no text": b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("what", HEADS)
@pytest.mark.parametrize("name", NAMES)
def test_broken_and_oversized_heads_are_refused(
    ports: dict[str, Port], name: str, what: str
) -> None:
    answer = ports[name].ask(HEADS[what], patience=3)
    # Python's own server, behind ingest's metrics, reads leniently; it has no more to tell.
    assert refused(answer) or name == "ingest", answer[:200]
    harmless(ports[name], answer)


@pytest.mark.parametrize("name", NAMES)
def test_many_headers_and_long_bodies_cost_no_memory(ports: dict[str, Port], name: str) -> None:
    port = ports[name]
    before = port.memory()
    harmless(port, port.ask(head("GET", "/", *["A: b"] * 20_000)))
    for announced in (["Content-Length: 25165824"], ["Transfer-Encoding: chunked"]):
        body = b"100000\r\n" + MEGABYTE + b"\r\n" if "chunked" in announced[0] else MEGABYTE
        kind = FORM if name == "dashboard" else JSON
        answer = port.ask(head("POST", port.takes, *announced, kind), body * 24)
        assert refused(answer), answer[:200]
        if name in ("dashboard", "sim"):  # here anybody may send a body
            assert status(answer) in (0, 413), answer[:200]
        harmless(port, answer)
    assert port.memory() - before < 16 << 20


NESTED = {
    "lists": b"[" * 200_000,
    "objects": b'{"a":' * 200_000,
    "closed lists": b"[" * 100_000 + b"]" * 100_000,
    "no text": b'{"a": "\xff\xfe"}',
    "a number without end": b"[" + b"9" * 100_000 + b"]",
    "a word": b'"money"',
    "nothing": b"null",
}


@pytest.mark.parametrize("what", NESTED)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sim", "/books"),
        ("sim", "/order"),
        ("sim", "/relayer/submit"),
        ("sim", "/rpc"),
        ("control", "/wallets"),
        ("control", "/faults"),
        ("codec", "/decode"),
        ("dashboard", "/login"),
        ("dashboard", "/act/nothing"),
    ],
)
def test_nested_and_senseless_bodies_are_refused_in_words(
    ports: dict[str, Port], name: str, path: str, what: str
) -> None:
    port = ports[name]
    answer = port.post(path, NESTED[what], JSON, BEARER)
    assert 400 <= status(answer) < 500 or b"error" in answer, answer[:300]
    harmless(port, answer)


PATHS_OUT = (
    "/static/../../../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static//etc/passwd",
    "/static/../app.py",
    "/..%5c..%5cpyproject.toml",
    "/static/%00",
    "/%ff%fe",
    "http://elsewhere.example/etc/passwd",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_path_leads_out_and_no_strange_method_does_anything(
    ports: dict[str, Port], name: str
) -> None:
    port = ports[name]
    for path in PATHS_OUT:
        for asked in (port.get(path), port.get(path, BEARER)):
            assert status(asked) < 500, (path, asked[:200])
            assert not tells(asked), path
    for method in ("TRACE", "CONNECT", "PUT", "PATCH", "PROPFIND", "A" * 300):
        answer = port.ask(head(method, port.alive, BEARER))
        assert refused(answer) or name == "sim", (method, answer[:200])
    harmless(port, b"")


@pytest.mark.parametrize("name", [name for name in NAMES if PATHS[name][2]])
def test_what_is_private_is_refused_without_the_token(ports: dict[str, Port], name: str) -> None:
    port = ports[name]
    for header in (
        (),
        ("Authorization: Bearer wrong",),
        ("Authorization: \xff",),
        ("Cookie: a=b",),
    ):
        for answer in (port.get(port.private, *header), port.post(port.private, b"{}", *header)):
            assert status(answer) in (400, 401, 405), answer[:200]
            harmless(port, answer)


@pytest.mark.parametrize("name", NAMES)
def test_slow_senders_keep_nobody_waiting(ports: dict[str, Port], name: str) -> None:
    port = ports[name]
    with ExitStack() as lines:
        for number in range(40):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port.number)))
            line.sendall(b"" if number % 3 == 0 else b"GET /" if number % 3 == 1 else b"POST /")
        for _ in range(3):
            begun = time.monotonic()
            assert port.well()
            assert time.monotonic() - begun < 3
    harmless(port, b"")


FRAMES: dict[str, str | bytes] = {
    "bytes instead of text": b"\x00\xff",
    "a frame beyond the limit": "a" * (2 << 20),
    "nested lists": "[" * 100_000,
    "a wrong shape": '{"assets_ids": 7, "markets": 7, "auth": 7}',
    "assets of a wrong shape": '{"assets_ids": [[1], {"a": 2}, null], "operation": 5}',
    "no JSON": "}{",
    "nothing": "",
}


@pytest.mark.parametrize("what", FRAMES)
@pytest.mark.parametrize("path", ["/ws/market", "/ws/user"])
async def test_hostile_frames_end_their_own_socket_and_no_other(
    ports: dict[str, Port], path: str, what: str
) -> None:
    port = ports["sim"]
    url = f"ws://127.0.0.1:{port.number}/ws/market"
    async with connect(url, proxy=None) as other:
        async with connect(url.replace("/ws/market", path), proxy=None) as mine:
            with suppress(ConnectionClosed):
                await mine.send(FRAMES[what])
                await mine.send("PING")
                said = await asyncio.wait_for(mine.recv(), 5)
                assert not tells(str(said).encode())
        await other.send("PING")
        assert await asyncio.wait_for(other.recv(), 5) == "PONG"

    harmless(port, b"")


async def test_no_hostile_socket_is_left_behind(ports: dict[str, Port]) -> None:
    control = ports["control"]

    def open_sockets() -> int:
        said = json.loads(control.get("/status", BEARER).partition(b"\r\n\r\n")[2])
        return sum(said["sockets"].values())

    await eventually(lambda: open_sockets() == 0, within=5)
    files = len(control.process.net_connections())
    assert files < 20
