"""The pages about servers: every command in them is one, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ops.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "SECURITY.md", *(ROOT / f"docs/{n}.md" for n in ("deploy", "security", "upgrades"))]
PAGES.append(ROOT / "docs/scaling.md")
LAUNCHER = {"check", "test"}  # the launcher's own


def commands() -> list[str]:
    found = set()
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
            if said := re.search(r"(?:^|\s)(?:\./)?touchline (\w.*)", line):
                found.add(said[1])
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_a_command_in_the_docs_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(command)
    if words[0] in LAUNCHER:
        assert f"  {words[0]})" in (ROOT / "touchline").read_text()
        return
    assert main([*words, "--help"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for named in re.findall(r"`((?:tests|deploy|settings|bench)/[\w./]+)`", text):
        made = named.startswith("deploy/secrets") or "VERSION" in named
        assert made or (ROOT / named).exists(), named


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 15
