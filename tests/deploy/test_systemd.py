"""deploy/systemd: every unit parses, refers to what exists, and runs one of our modules."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from ops.cli.main import main
from settings.load import load_settings
from sim.__main__ import configuration

FOLDER = Path(__file__).resolve().parents[2] / "deploy/systemd"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".example")
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


def test_the_sim_takes_its_flags_and_its_wallet_is_funded() -> None:
    unit = read(FOLDER / "touchline-sim.service")
    config = configuration(unit["ExecStart"][0].split()[4:], {})
    assert (config.host, config.port, config.source) == ("127.0.0.1", 8790, "mirror")
    *_, module, control, flag, state = unit["ExecStartPost"][0].split()
    assert (module, flag) == ("ops.deploy.fund", "--state")
    assert control.endswith(f":{config.control_port}") and state == str(config.state)


def test_the_example_of_the_settings_is_understood_and_points_at_that_sim(tmp_path: Path) -> None:
    file = tmp_path / "touchline.toml"
    file.write_text((FOLDER / "touchline.toml.example").read_text())
    file.chmod(0o600)
    settings = load_settings(environ={"TOUCHLINE_SETTINGS": str(file)}, folder=tmp_path)
    assert settings.profile == "paper" and settings.temporal.versioning
    urls = [
        getattr(settings.venue, name)
        for name in type(settings.venue).model_fields
        if name.endswith("_url")
    ]
    assert all("//127.0.0.1:8790" in url for url in urls), urls


def test_prometheus_asks_the_ports_of_the_units() -> None:
    wanted = read(FOLDER / "touchline.target")["Wants"][0].split()
    ports = set()
    for unit in wanted:
        if found := re.fullmatch(r"(touchline-\w+@)(\d)\.service", unit):
            command = read(FOLDER / f"{found[1]}.service")["ExecStart"][0]
            ports.add(f"127.0.0.1:{command.split('--metrics ')[1].replace('%i', found[2])}")
    text = (FOLDER.parent / "prometheus/prometheus.yml").read_text()
    assert len(ports) == 4
    assert ports | {"127.0.0.1:8787"} == set(re.findall(r"127\.0\.0\.1:\d+", text))
