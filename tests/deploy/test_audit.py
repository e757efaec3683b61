"""touchline audit: licences, pins and hashes of what runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ops.cli.main import main
from ops.deploy.advisories import Answer, Unasked, ask, read
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


REPORT = {
    "dependencies": [
        {"name": "sound", "version": "1", "vulns": []},
        {"name": "ill", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]},
        {"name": "strange", "skip_reason": "not found"},
    ]
}


def said(stdout: str, stderr: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, stdout, stderr)


def test_a_skipped_package_is_unknown_and_never_sound() -> None:
    answer = read(REPORT)
    assert (answer.asked, answer.unknown) == (3, ("strange",))
    assert [(a.package, a.id, a.fixed_in) for a in answer.advisories] == [
        ("ill", "PYSEC-1", "2.1, 3")
    ]


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (said("", "Traceback\nProxyError: no way to the service", 1), "no way to the service"),
        (said("{}", "", 1), "cannot be reached"),
        (said(json.dumps({"dependencies": REPORT["dependencies"][2:]})), "knew none of 1 packages"),
    ],
)
def test_no_answer_is_no_good_news(
    done: subprocess.CompletedProcess[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(Unasked, match=says):
        ask(ROOT / "requirements/run.lock")


def test_without_the_network_the_command_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert main(["audit", "--vulnerabilities"]) == 1
    err = capsys.readouterr().err
    assert "vulnerabilities are unknown: the service cannot be reached" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("rows", "code"), [(slice(0, 1), 0), (slice(0, 2), 1), (slice(0, 3), 1)])
def test_what_is_known_is_told_and_decides_the_exit_code(
    rows: slice, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer: Answer = read({"dependencies": REPORT["dependencies"][rows]})
    monkeypatch.setattr("ops.cli.audit.ask", lambda _: answer)
    assert main(["audit", "--vulnerabilities"]) == code
    text = capsys.readouterr().out
    assert ("ill 2: PYSEC-1, fixed in 2.1, 3" in text) is (rows.stop > 1)
    assert f"{rows.stop} packages asked" in text
