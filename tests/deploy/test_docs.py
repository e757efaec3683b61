"""Every page: each command in it is one, each link leads somewhere, each named file is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ops.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench/BENCHMARKS.md"])
LAUNCHER = {"check", "test"}  # the launcher's own
HANDED_ON = {"sim"}


def lines() -> list[str]:
    """Return every line that a page tells to type: of blocks, and in backquotes."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\|", "|")
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        found += [line for block in blocks for line in block.splitlines()]
        found += re.findall(r"`([^`\n]+)`", text)
    return found


def commands() -> list[str]:
    found = set()
    for line in lines():
        if said := re.search(r"(?:^|\./|prepare )touchline ([a-z][^#]*)", line):
            *before, last = re.split(r" \| ", said[1].strip())
            first = before[0].rpartition(" ")[0] if before else ""  # `deploy init | check`
            found |= {re.sub(r"[\[\]]", "", c) for c in before[:1]}
            found |= {f"{first} {c}".strip() for c in [*before[1:], last]}
    return sorted(found)


def modules() -> list[str]:
    return sorted({m for line in lines() for m in re.findall(r"python -m ([\w.]+)", line)})


@pytest.mark.parametrize("command", commands())
def test_a_command_in_the_docs_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(re.sub(r"[\[\]]", "", command))
    if words[0] in LAUNCHER:
        assert f"  {words[0]})" in (ROOT / "touchline").read_text()
        return
    if words[0] in HANDED_ON:  # another program takes the place of this one
        whole = [sys.executable, "-m", "ops.cli.main", *words, "--help"]
        assert subprocess.run(whole, capture_output=True, cwd=ROOT).returncode == 0
        return
    assert main([*words, "--help"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("module", modules())
def test_a_module_in_the_docs_can_be_run(module: str) -> None:
    found = find_spec(module)
    assert found is not None
    assert found.submodule_search_locations is None or find_spec(f"{module}.__main__")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for named in re.findall(r"`((?:tests|deploy|settings|bench)/[\w./]+)`", text):
        made = named.startswith("deploy/secrets") or "VERSION" in named
        assert made or (ROOT / named).exists(), named


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 50 and len(PAGES) >= 20
