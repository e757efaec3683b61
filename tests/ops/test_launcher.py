"""touchline, the launcher: clear words when Python is missing, and nothing broken left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).resolve().parents[2] / "touchline"
TOOLS = ("sh", "dirname", "readlink", "cksum", "cat", "rm", "mkdir")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the only directory of the PATH of a machine that has no Python."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return programs


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def launch(
    machine: Path, *arguments: str, launcher: Path = LAUNCHER
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine), "TOUCHLINE_VENV": str(machine.parent / "venv")}
    return subprocess.run(
        [launcher, *arguments], capture_output=True, text=True, env=environment, timeout=60
    )


def test_without_python_it_says_how_to_get_one(machine: Path) -> None:
    done = launch(machine, "up")
    assert done.returncode == 1
    assert "Python 3.11, 3.12, 3.13 or 3.14 is needed" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr and "brew install" in done.stderr
    assert not (machine.parent / "venv").exists()


def test_a_shim_that_fails_and_an_old_python_are_passed_over(machine: Path) -> None:
    for name in ("python3.13", "python3"):
        script(machine / name, "exit 127")
    assert "is needed, and none was found" in launch(machine, "up").stderr


def test_a_python_without_venv_is_named_and_the_broken_folder_removed(machine: Path) -> None:
    broken = 'case $1 in -c) exit 0 ;; *) mkdir -p "$TOUCHLINE_VENV"; exit 1 ;; esac'
    script(machine / "python3.12", broken)
    done = launch(machine, "up")
    assert done.returncode == 1
    assert "python3.12 has no working venv module" in done.stderr
    assert "sudo apt install python3-venv" in done.stderr
    assert not (machine.parent / "venv").exists()


def test_an_installation_that_fails_is_not_taken_for_done(machine: Path) -> None:
    venv = machine.parent / "venv"
    (venv / "bin").mkdir(parents=True)
    script(venv / "bin" / "python", 'case "$*" in *"pip install"*) exit 1 ;; *) exit 0 ;; esac')
    done = launch(machine, "status")
    assert done.returncode == 1 and "Installing failed" in done.stderr
    assert "Linux with glibc and macOS" in done.stderr
    assert not list(venv.glob(".done-*"))


def test_a_finished_installation_is_used_at_once_and_arguments_pass(machine: Path) -> None:
    venv = machine.parent / "venv"
    (venv / "bin").mkdir(parents=True)
    script(venv / "bin" / "python", 'case $1 in -c) exit 0 ;; *) echo "$PYTHONPATH|$*" ;; esac')
    assert launch(machine, "trades", "a b").returncode == 0  # installs with the fake python
    again = launch(machine, "trades", "a b")
    assert again.stdout == f"{LAUNCHER.parent}|-P -m ops.cli.main trades a b\n"
    assert again.stderr == ""
    (venv / ".done-run").write_text("older")
    assert "the lock changed" in launch(machine, "trades").stderr


def test_it_may_be_called_through_a_link_from_anywhere(machine: Path, tmp_path: Path) -> None:
    link = tmp_path / "touchline"
    link.symlink_to(os.path.relpath(LAUNCHER, tmp_path))
    assert "is needed, and none was found" in launch(machine, "up", launcher=link).stderr


@pytest.mark.parametrize("name", ["touchline", ".ci/run"])
def test_the_scripts_can_be_executed(repository: Path, name: str) -> None:
    assert os.access(repository / name, os.X_OK)
