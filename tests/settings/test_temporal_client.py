"""settings/temporal_client.py: where a client connects, and what it must not carry there."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import Client

from settings.errors import SettingsError
from settings.keyring import new_key
from settings.model import TemporalSettings
from settings.temporal_client import connect_temporal, connection

FILE = """
[profile.default]
address = "cloud.example:7233"
namespace = "desk.acct"
api_key = "cloud-key"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "temporal.toml"
    path.write_text(FILE)
    return path


def test_our_settings_name_the_place() -> None:
    place = TemporalSettings(address="t:1", namespace="n")
    assert connection(place, {}) == {"target_host": "t:1", "namespace": "n"}


def test_without_an_address_nothing_is_reached_by_chance() -> None:
    with pytest.raises(SettingsError, match="TEMPORAL_ADDRESS"):
        connection(TemporalSettings(), {})


def test_temporals_own_variables_add_key_and_tls() -> None:
    found = connection(TemporalSettings(address="t:1"), {"TEMPORAL_API_KEY": "k"})
    assert found["api_key"] == "k" and found["tls"] is True and found["target_host"] == "t:1"


def test_a_named_file_gives_place_and_key(file: Path) -> None:
    found = connection(TemporalSettings(), {"TEMPORAL_CONFIG_FILE": str(file)})
    assert found["target_host"] == "cloud.example:7233" and found["namespace"] == "desk.acct"
    assert found["api_key"] == "cloud-key"


def test_a_file_nobody_named_gives_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = file.parent / ".config" / "temporalio"
    home.mkdir(parents=True)
    file.rename(home / "temporal.toml")
    monkeypatch.setenv("HOME", str(file.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(file.parent / ".config"))
    assert "api_key" not in connection(TemporalSettings(address="t:1"), {})


def test_an_embedded_server_is_given_no_key_of_anothers() -> None:
    place = TemporalSettings(address="127.0.0.1:1", embedded=True)
    assert "api_key" not in connection(place, {"TEMPORAL_API_KEY": "k"})


async def test_a_client_connects_and_seals_when_there_is_a_key(temporal_client: Client) -> None:
    address = temporal_client.service_client.config.target_host
    plain = await connect_temporal(TemporalSettings(address=address), environ={})
    assert plain.data_converter.payload_codec is None
    sealed = TemporalSettings.model_validate({"address": address, "encryption_key": new_key("a")})
    client = await connect_temporal(sealed, lazy=True, environ={})
    assert client.data_converter.payload_codec is not None
