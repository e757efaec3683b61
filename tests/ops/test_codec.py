"""ops/codec and touchline codec: who may read payloads, and what hostile requests get."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

import httpx
import pytest
from google.protobuf.json_format import MessageToJson
from temporalio.api.common.v1 import Payload, Payloads

from ops.cli.main import main
from ops.codec.place import endpoint, token_of
from ops.codec.server import MOST, CodecServer
from settings.codec import SealingCodec
from settings.errors import SettingsError
from settings.keyring import Keyring, new_key

TOKEN, UI = "t" * 32, "http://127.0.0.1:8233"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"planted"')


@pytest.fixture
def codec() -> SealingCodec:
    ring = Keyring.parse(new_key("a"))
    assert ring is not None
    return SealingCodec(ring)


@pytest.fixture
def client(codec: SealingCodec) -> httpx.AsyncClient:
    app = CodecServer(codec, TOKEN, UI).app()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://codec")


async def sealed(codec: SealingCodec) -> str:
    return str(MessageToJson(Payloads(payloads=await codec.encode([PLAIN]))))


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_the_web_ui_reads_by_its_path_and_a_script_by_its_bearer(
    client: httpx.AsyncClient, codec: SealingCodec
) -> None:
    body = await sealed(codec)
    by_path = await client.post(f"/{TOKEN}/decode", content=body, headers={"Origin": UI})
    by_bearer = await client.post("/decode", content=body, headers=BEARER)
    for answer in (by_path, by_bearer):
        (payload,) = answer.json()["payloads"]
        assert base64.b64decode(payload["data"]) == b'"planted"'
    assert by_path.headers["access-control-allow-origin"] == UI
    assert "access-control-allow-origin" not in by_bearer.headers


async def test_what_it_encodes_it_decodes(client: httpx.AsyncClient) -> None:
    body = MessageToJson(Payloads(payloads=[PLAIN]))
    encoded = await client.post("/encode", content=body, headers=BEARER)
    assert "planted" not in encoded.text
    decoded = await client.post("/decode", content=encoded.text, headers=BEARER)
    assert decoded.json() == json.loads(body)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/decode", {}),
        ("/decode", {"Authorization": "Bearer wrong"}),
        ("/decode", {"Authorization": "Bearer "}),
        ("/decode", {"Authorization": f"Basic {TOKEN}"}),
        ("/wrong/decode", {}),
        (f"/{TOKEN}/decode", {"Authorization": "Bearer wrong"}),
        (f"/decode?token={TOKEN}", {}),
    ],
)
async def test_without_the_token_nothing_is_opened(
    client: httpx.AsyncClient, codec: SealingCodec, path: str, headers: dict[str, str]
) -> None:
    answer = await client.post(path, content=await sealed(codec), headers=headers)
    assert answer.status_code == 401 and "planted" not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", UI + ".evil.example", ""])
async def test_no_other_page_may_read_the_answer(client: httpx.AsyncClient, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await client.options("/decode", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_the_web_uis_preflight_passes_without_a_token(client: httpx.AsyncClient) -> None:
    answer = await client.options(f"/{TOKEN}/decode", headers={"Origin": UI})
    assert answer.status_code == 204
    assert "x-namespace" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"payloads": 3}', b'{"x":1}', b"[" * 20_000]
)
async def test_hostile_bodies_get_400(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/decode", content=body, headers=BEARER)
    assert answer.status_code == 400


async def test_a_huge_body_is_cut_off(client: httpx.AsyncClient) -> None:
    answer = await client.post("/decode", content=b" " * (MOST + 1), headers=BEARER)
    assert answer.status_code == 413


async def test_tampered_and_foreign_payloads_get_400(client: httpx.AsyncClient) -> None:
    ring = Keyring.parse(new_key("a"))
    assert ring is not None
    foreign = await sealed(SealingCodec(ring))
    answer = await client.post("/decode", content=foreign, headers=BEARER)
    assert answer.status_code == 400 and "was changed" in answer.text


def test_the_token_is_made_once_for_its_owner(tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert token_of(tmp_path) == token and len(token) >= 32
    assert stat.S_IMODE((tmp_path / "codec.token").stat().st_mode) == 0o600
    assert endpoint("127.0.0.1", 1, "x") == "http://127.0.0.1:1/x"
    (tmp_path / "codec.token").chmod(0o644)
    with pytest.raises(SettingsError):
        token_of(tmp_path)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith("TOUCHLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def test_the_command_needs_a_key_and_a_loopback_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["codec"]) == 4
    assert "encryption_key must be set" in capsys.readouterr().err
    monkeypatch.setenv("TOUCHLINE_TEMPORAL__ENCRYPTION_KEY", new_key("a"))
    assert main(["codec", "--host", "0.0.0.0"]) == 4
    assert "loopback" in capsys.readouterr().err


def test_a_new_key_is_printed_alone_and_usable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "2026-11"]) == 0
    ring = Keyring.parse(capsys.readouterr().out.strip())
    assert ring is not None and ring.current == "2026-11"
    assert main(["key", "not an id"]) == 4
