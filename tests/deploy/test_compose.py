"""docker-compose.yml and deploy/: what can be known of them without an engine."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.cli.main import main
from ops.deploy.init import DATA, make_secrets
from settings.layers import environment_layer
from settings.load import load_settings
from sim.__main__ import configuration

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: s for name, s in SERVICES.items() if str(s["image"]).startswith("touchline:")}
MODULES = {
    name: s["command"][2:] for name, s in OURS.items() if s["command"][:2] == ["python", "-m"]
}
COMMANDS = {name: s["command"][1:] for name, s in OURS.items() if s["command"][0] == "touchline"}
PROFILES = ("paper", "sim", "live")


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str) -> str:
    """Replace ${NAME…} as compose would, from a complete .env."""
    values = {**{k: v or "x" for k, v in example().items()}}
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda m: values[m[1]], text)


def test_the_file_is_valid_by_the_compose_specification() -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_every_reference_leads_somewhere() -> None:
    for name, service in SERVICES.items():
        for needed in service.get("depends_on", []):
            assert needed in SERVICES, f"{name} depends on {needed}"
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"], f"{name} wants the secret {secret}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./deploy/data/"):
                assert source == f"./{DATA}", "made by init"
            elif source.startswith("."):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name} mounts {source}"


def test_nobody_waits_for_a_service_of_a_profile_or_without_the_condition_it_names() -> None:
    for service in SERVICES.values():
        needs = service.get("depends_on", {})
        for needed, how in needs.items() if isinstance(needs, dict) else []:
            assert "profiles" not in SERVICES[needed]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
            else:
                assert SERVICES[needed]["restart"].startswith("on-failure")


def test_every_variable_is_in_the_example() -> None:
    text = FILE.read_text().replace("$$", "")
    assert set(re.findall(r"\$\{(\w+)", text)) <= set(example())


def test_every_secret_and_env_file_is_made_by_init_or_kept_here(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    made = {str(path.relative_to(tmp_path)) for path in make_secrets(tmp_path)}
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} | {".env"} == made
    for path in made:
        assert (tmp_path / path).stat().st_mode & 0o077 == 0
    text = (tmp_path / ".env").read_text()
    assert all(line.partition("=")[2] for line in text.splitlines() if not line.startswith("#"))
    assert make_secrets(tmp_path) == []
    for profile in PROFILES:
        assert (ROOT / f"deploy/compose/{profile}.env").exists()


def test_only_loopback_ports_are_published() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_power_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("user", "").startswith("${TOUCHLINE_UID") or "secrets" not in service
    assert re.fullmatch(r"\S+:v?\d+\.\d+\S*", service["image"]), "images are pinned"
    assert service["restart"] == "unless-stopped" or service["restart"].startswith("on-failure")
    if name in OURS:
        assert service["read_only"] is True


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_of_the_cli_is_one(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*map(str, COMMANDS[name]), "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"sim-paper", "sim-tape"}))
def test_a_module_runs_with_these_arguments(name: str) -> None:
    module, *arguments = MODULES[name]
    if not arguments:
        assert find_spec(f"{module}.__main__") is not None
        return
    command = [sys.executable, "-m", module, *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0 and "usage" in done.stdout


@pytest.mark.parametrize("name", ["sim-paper", "sim-tape"])
def test_the_sim_takes_its_flags(name: str) -> None:
    module, *flags = MODULES[name]
    config = configuration([filled(flag) for flag in flags], {})
    assert module == "sim" and (config.host, config.port) == ("0.0.0.0", 8790)
    assert config.control_port == 8791
    if config.tape:
        assert (ROOT / config.tape).exists()


@pytest.mark.parametrize("name", sorted(n for n in OURS if "healthcheck" in OURS[n]))
def test_a_health_check_is_a_module_of_ours(name: str) -> None:
    command, python, flag, module, what = OURS[name]["healthcheck"]["test"]
    assert (command, python, flag, module) == ("CMD", "python", "-m", "ops.deploy.alive")
    assert "://" in what or what == name


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", sorted(OURS))
def test_the_environment_of_every_service_is_understood(
    name: str, profile: str, tmp_path: Path
) -> None:
    service = OURS[name]
    if "sim" in name:
        return
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    make_secrets(tmp_path)
    lines = (ROOT / f"deploy/compose/{profile}.env").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for key, value in service["environment"].items():
        secret = value.removeprefix("/run/secrets/")
        given = secret in service.get("secrets", [])
        assert given == value.startswith("/run/secrets/"), f"{name} is not given {secret}"
        environ[key] = str(tmp_path / "deploy/secrets" / secret) if given else filled(value)
    assert environment_layer(environ)
    settings = load_settings(environ=environ, folder=tmp_path)
    assert settings.profile == {"sim": "demo"}.get(profile, profile)
    assert settings.temporal.address == "temporal:7233"
    assert not settings.live_confirmed


def test_the_image_has_every_package_and_installs_wheels_by_hash() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text()
    for (
        package
    ) in "activities domain ingest migrations ops settings sim store venue worker".split():
        assert f"COPY {package} /app/{package}" in text and f"!{package}" in ignored
    assert "--require-hashes --only-binary :all:" in text and "USER touchline" in text
    assert ":latest" not in text


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.sh")), ids=lambda p: p.name)
def test_a_shell_script_parses(path: Path) -> None:
    assert subprocess.run(["/bin/sh", "-n", path]).returncode == 0


def test_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    import shutil

    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    text = (ROOT / "deploy/compose/prometheus.yml").read_text()
    rules = ROOT / "deploy/prometheus/touchline.rules.yml"
    (tmp_path / "touchline.rules.yml").write_text(rules.read_text())
    (tmp_path / "token").write_text("x")
    (tmp_path / "p.yml").write_text(
        text.replace("/run/secrets/dashboard_token", str(tmp_path / "token"))
    )
    done = subprocess.run(
        [promtool, "check", "config", tmp_path / "p.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
