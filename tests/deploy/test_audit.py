"""touchline audit: licences, pins and hashes of what runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.cli.main import main
from ops.deploy.licences import Package, unhashed

ROOT = Path(__file__).resolve().parents[2]


def test_every_runtime_package_is_hashed_and_has_a_licence_we_may_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["audit", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (code, said["problems"]) == (0, {})
    names = {package["name"] for package in said["packages"]}
    assert {"temporalio", "asyncpg", "polymarket-client", "cryptography"} <= names


def test_both_locks_have_hashes_and_no_urls() -> None:
    for name in ("run", "dev"):
        assert unhashed(ROOT / f"requirements/{name}.lock") == []


def test_a_requirement_without_a_hash_or_with_a_url_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text(
        "a==1 \\\n    --hash=sha256:00\nb==2\n"
        "c @ https://example.org/c.whl \\\n    --hash=sha256:00\n"
    )
    assert unhashed(lock) == ["b==2", "c"]


@pytest.mark.parametrize(
    ("licence", "installed", "says"),
    [
        ("MIT", "1", ""),
        ("GNU Lesser General Public License v3 (LGPLv3)", "1", ""),
        ("GPL-3.0-only", "1", "strong copyleft"),
        ("AGPL-3.0", "1", "strong copyleft"),
        ("", "1", "no licence named"),
        ("MIT", "2", "installed 2, pinned 1"),
        ("", "", ""),
    ],
)
def test_what_is_wrong_with_a_package_is_said(licence: str, installed: str, says: str) -> None:
    package = Package(name="x", pinned="1", installed=installed, licence=licence)
    assert package.problem == says
