"""The wheel: `pip wheel . --no-deps` holds all that runs, and it runs from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.checks import CODE
from settings.version import build_id

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (*CODE, "migrations", "data")
FILES = ("pyproject.toml", "README.md", "LICENSE", "requirements/run.lock", "requirements/dev.lock")
NOT_OURS = shutil.ignore_patterns("__pycache__", "*.pyc")


def tree() -> set[str]:
    """Return what must be in the wheel, as it lies in the tree."""
    found = {"requirements/run.lock"}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(path.relative_to(ROOT).as_posix())
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy, since building leaves its traces in the tree."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=NOT_OURS)
    for name in FILES:
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-q", "-w", str(out)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    if "setuptools>=" in done.stderr and done.returncode:
        pytest.skip("building needs setuptools, and no index is reachable")
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what an installation makes of it, without installing."""
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def test_the_wheel_holds_what_the_tree_holds_and_nothing_else(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert names == tree()


def test_the_installed_code_is_the_same_build(unpacked: Path) -> None:
    assert build_id(unpacked) == build_id()
    entry = next(unpacked.glob("*.dist-info/entry_points.txt")).read_text()
    assert "touchline = ops.cli.main:run" in entry


LOOK = """
from pathlib import Path
import ops.dashboard.view as view, sim.sources as sources
from ops.cli.main import main
assert main(["--help"]) == main(["migrate"]) == main(["audit"]) == 0
assert sources.DEFAULT_TAPE.exists()
print(view.__file__, len(list((Path(view.__file__).parent / "templates").rglob("*.html"))))
"""


def test_it_runs_from_there(unpacked: Path, empty_dsn: str, tmp_path: Path) -> None:
    ours = ("TOUCHLINE_", "TEMPORAL_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ |= {"PYTHONPATH": str(unpacked), "DATABASE_URL": empty_dsn}
    environ["TOUCHLINE_STATE"] = str(tmp_path / "state")
    command = [sys.executable, "-P", "-c", LOOK]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Usage" in done.stdout and "0007" in done.stdout and "0 problems" in done.stdout
    where, pages = done.stdout.splitlines()[-1].split()
    assert Path(where).is_relative_to(unpacked) and int(pages) > 30


def test_the_image_and_the_wheel_hold_the_same_folders() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for folder in (*CODE, "migrations", "data/tapes"):
        assert f"COPY {folder} /app/{folder}\n" in dockerfile
        assert f"!{folder}" in ignored
    assert "COPY requirements/run.lock /app/requirements/run.lock" in dockerfile
