"""ops/stack: with a key, `up` also runs what opens payloads for its Web UI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.stack.assembly import Stack
from ops.stack.wiring import Wiring
from ops.supervision.process import ProcessPart
from settings.keyring import new_key
from settings.layers import variable
from settings.load import load_settings


@pytest.mark.parametrize("sealed", [True, False])
def test_the_codec_server_is_part_of_the_stack_when_there_is_a_key(
    sealed: bool, tmp_path: Path
) -> None:
    given = [f"state={tmp_path}", *([f"temporal.encryption_key={new_key('a')}"] if sealed else [])]
    stack = Stack(load_settings(given, {}, tmp_path), given, os.environ)
    try:
        parts = {part.name: part for part in stack.parts()}
    finally:
        stack.close()
    assert ("codec" in parts) is sealed
    temporal = parts["temporal"]
    assert isinstance(temporal, ProcessPart)
    assert (tmp_path / "codec.token").exists() is sealed


def test_a_part_is_told_the_secrets_it_uses_and_no_file_of_others() -> None:
    secrets = ("wallet.private_key", "temporal.encryption_key", "dashboard.token")
    base = {variable(key): "x" for key in secrets}
    base |= {f"{variable(key)}_FILE": "/x" for key in secrets} | {"TEMPORAL_API_KEY": "k"}
    wiring = Wiring(base, [], "")

    def told(part: str) -> set[str]:
        return {name.removesuffix("_FILE") for name in wiring.environment(part)} & set(base)

    assert told("codec") == {variable("temporal.encryption_key"), "TEMPORAL_API_KEY"}
    assert variable("wallet.private_key") in told("worker")
    assert variable("wallet.private_key") not in told("dashboard")
    assert told("sim") == set()
