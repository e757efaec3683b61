"""settings/private.py, keystore.py and the _FILE variables: secrets come from their owner alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from settings.errors import SettingsError
from settings.keystore import unlock
from settings.load import load_settings
from settings.model import Settings
from settings.private import read_private

KEY = "0x" + "4c" * 32
NOWHERE = Path("/nonexistent")


def load(**environ: str) -> Settings:
    return load_settings(environ=environ, folder=NOWHERE)


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("TOUCHLINE_WALLET__PRIVATE_KEY_FILE", "wallet.private_key"),
        ("TOUCHLINE_DATABASE_URL_FILE", "database_url"),
        ("TOUCHLINE_TEMPORAL__ENCRYPTION_KEY_FILE", "temporal.encryption_key"),
        ("TOUCHLINE_DASHBOARD__TOKEN_FILE", "dashboard.token"),
    ],
)
def test_a_secret_is_read_from_the_file_that_a_variable_names(
    tmp_path: Path, variable: str, key: str
) -> None:
    text = "a:" + "QUFB" * 10 + "QUE="
    value: object = load(**{variable: str(secret_file(tmp_path, text + "\n"))})
    for part in key.split("."):
        value = getattr(value, part)
    assert value.get_secret_value() == text  # type: ignore[attr-defined]  # a secret, as the key says


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o622, 0o666])
def test_a_secret_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, "hunter2", mode)
    with pytest.raises(SettingsError) as caught:
        load(TOUCHLINE_WALLET__PRIVATE_KEY_FILE=str(path))
    (problem,) = caught.value.problems
    assert "only its owner may read it" in problem and f"chmod 600 {path}" in problem
    assert "hunter2" not in problem


def test_a_missing_empty_or_endless_secret_is_refused(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "absent", "No such file"),
        (tmp_path, "no regular file"),
        (secret_file(tmp_path, ""), "was 0 characters"),
        (Path("/dev/zero"), "no regular file"),
    ):
        with pytest.raises(SettingsError, match=says):
            read_private(path, "x")
    with pytest.raises(SettingsError, match="expected a secret"):
        read_private(secret_file(tmp_path, "x" * (1 << 21)), "x")


def test_only_secrets_have_a_file_variable() -> None:
    with pytest.raises(SettingsError, match="no such setting"):
        load(TOUCHLINE_ENTRY__MAX_PRICE_FILE="/x")
    assert load(TOUCHLINE_WALLET__PRIVATE_KEY_FILE="").wallet.private_key.get_secret_value() == ""


def keystore(folder: Path, password: str = "open sesame") -> Path:
    made = Account.encrypt(bytes.fromhex(KEY[2:]), password, kdf="pbkdf2", iterations=10)
    return secret_file(folder, json.dumps(made))


def test_a_keystore_opens_with_its_password(tmp_path: Path) -> None:
    settings = load(
        TOUCHLINE_WALLET__KEYSTORE=str(keystore(tmp_path)),
        TOUCHLINE_WALLET__KEYSTORE_PASSWORD="open sesame",
    )
    assert unlock(settings.wallet) == KEY
    assert unlock(load().wallet) == ""
    assert unlock(load(TOUCHLINE_WALLET__PRIVATE_KEY=KEY).wallet) == KEY


@pytest.mark.parametrize("broken", ["password", "file", "mode"])
def test_a_keystore_that_does_not_open_says_so_and_nothing_of_its_text(
    tmp_path: Path, broken: str
) -> None:
    path = keystore(tmp_path)
    if broken == "file":
        path.write_text(json.dumps({"hunter2": KEY}))
    if broken == "mode":
        path.chmod(0o644)
    settings = load(
        TOUCHLINE_WALLET__KEYSTORE=str(path),
        TOUCHLINE_WALLET__KEYSTORE_PASSWORD="hunter2" if broken == "password" else "open sesame",
    )
    with pytest.raises(SettingsError) as caught:
        unlock(settings.wallet)
    assert "wallet.keystore" in str(caught.value)
    assert "hunter2" not in str(caught.value) and KEY not in str(caught.value)


def test_a_keystore_lets_live_mode_load_and_a_key_beside_it_does_not(tmp_path: Path) -> None:
    live = {"TOUCHLINE_PROFILE": "live", "TOUCHLINE_WALLET__KEYSTORE": str(tmp_path / "k")}
    assert load(**live).mode == "live"
    with pytest.raises(SettingsError, match=r"wallet\.keystore must be empty"):
        load(**live, TOUCHLINE_WALLET__PRIVATE_KEY=KEY)


def test_an_unusable_encryption_key_is_a_problem_of_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"temporal\.encryption_key: a key must have 32"):
        load(TOUCHLINE_TEMPORAL__ENCRYPTION_KEY="YWJj")
