"""deploy/systemd: every unit parses, refers to what exists, and runs one of our modules."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from ops.cli.main import main

FOLDER = Path(__file__).resolve().parents[2] / "deploy/systemd"
UNITS = sorted(FOLDER.iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]


def read(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith(("[", "#")):
            key, equals, value = line.partition("=")
            assert equals, f"{path.name}: {line}"
            found.setdefault(key, []).append(value)
    return found


def test_the_target_wants_units_that_exist() -> None:
    names = {path.name for path in UNITS}
    for wanted in read(FOLDER / "touchline.target")["Wants"][0].split():
        assert re.sub(r"@\w+\.", "@.", wanted) in names


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: p.name)
def test_a_service_runs_a_module_of_ours_as_an_ordinary_user(path: Path) -> None:
    unit = read(path)
    program, *rest = unit["ExecStart"][0].split()
    assert program == "/opt/touchline/.venv/bin/python" and rest[:2] == ["-P", "-m"]
    assert importlib.util.find_spec(rest[2]) is not None
    assert unit["User"] == ["touchline"] and unit["NoNewPrivileges"] == ["yes"]
    if rest[2] == "ops.cli.main":
        assert main([*rest[3:], "--help"]) == 0


def test_the_backup_runs_by_itself() -> None:
    assert read(FOLDER / "touchline-backup.timer")["OnCalendar"]
    assert read(FOLDER / "touchline-backup.service")["Type"] == ["oneshot"]
