"""ops/cli: the scripts of `touchline completion`, by the TAB key of real shells."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ops.cli.completion import Shell, script, tree
from ops.cli.main import main, program

TAB = b"\t"
PROMPT = "ready> "


class Terminal:
    """A shell on a terminal of its own, without anybody's own configuration."""

    def __init__(self, command: list[str], home: Path) -> None:
        self._master, slave = pty.openpty()
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "PS1": PROMPT}
        environ |= {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "COLUMNS": "200"}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def press(self, keys: bytes) -> None:
        self.seen = ""
        os.write(self._master, keys)

    def until(self, pattern: str, within: float = 20) -> str:
        """Read until the pattern is on the screen and return what was read."""
        end = time.monotonic() + within
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            assert left > 0, f"expected {pattern!r} on the screen, saw {self.seen!r}"
            if select.select([self._master], [], [], left)[0]:
                read = os.read(self._master, 65536).decode(errors="replace")
                self.seen = re.sub(".\x08", "", self.seen + read)  # what was taken back
        return self.seen

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Terminal]:
    file = tmp_path / "touchline.bash"
    file.write_text(script(typer.main.get_command(program()), Shell.BASH))
    terminal = Terminal(["bash", "--noprofile", "--norc", "-i"], tmp_path)
    terminal.until(PROMPT)
    terminal.press(f"bind 'set bell-style none'; source {file}; echo so\\urced\n".encode())
    terminal.until("sourced")
    yield terminal
    terminal.close()


def test_tab_in_bash_finishes_commands_options_and_settings(bash: Terminal) -> None:
    bash.press(b"./touchline rec" + TAB * 3)  # by its path, as the README calls it
    bash.until(r"reconcile\s+record")
    bash.press(b"\x15touchline reconc" + TAB + b"--dr" + TAB)
    bash.until(r"reconcile --dry-run ")
    bash.press(b"\x15touchline deploy i" + TAB)
    bash.until("deploy init ")
    bash.press(b"\x15touchline up --profile l" + TAB)
    bash.until("--profile live ")
    bash.press(b"\x15touchline up --set entry.stak" + TAB + b"5")
    bash.until(r"--set entry\.stake=5")  # no space: the value follows


def test_bash_offers_every_command_the_parser_knows_and_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "touchline.bash"
    file.write_text(script(typer.main.get_command(program()), Shell.BASH))
    asked = (
        f"PATH=; source {file}; COMP_WORDS=(touchline ''); COMP_CWORD=1; _touchline;"
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    bash_path = shutil.which("bash")
    assert bash_path is not None
    done = subprocess.run([bash_path, "-c", asked], capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    offered = set(done.stdout.split())
    assert offered == {*next(tree(typer.main.get_command(program()))).commands}
    parity = "approve reject exit levels abandon halt reduce resume block unblock watchlist alerts"
    assert offered >= {*parity.split(), "health", "reconcile", "export", "redeem", "logs", "test"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_tab_in_zsh_finishes_a_command(tmp_path: Path) -> None:
    file = tmp_path / "touchline.zsh"
    file.write_text(script(typer.main.get_command(program()), Shell.ZSH))
    terminal = Terminal(["zsh", "-f", "-i"], tmp_path)
    try:
        terminal.press(b"autoload -U compinit && compinit -u -D\n")
        terminal.press(f"source {file}; echo so\\urced\n".encode())
        terminal.until("sourced")
        terminal.press(b"touchline reconc" + TAB + b"--dry" + TAB + b"x")
        terminal.until("reconcile --dry-run x")
    finally:
        terminal.close()


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes_commands_options_and_values(tmp_path: Path) -> None:
    file = tmp_path / "touchline.fish"
    file.write_text(script(typer.main.get_command(program()), Shell.FISH))

    def offered(line: str) -> list[str]:
        asked = f"source {file}; complete -C '{line}'"
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(
            ["fish", "--no-config", "-c", asked],
            capture_output=True,
            text=True,
            timeout=20,
            env=environ,
        )
        assert done.stderr == ""
        return [row.partition("\t")[0] for row in done.stdout.splitlines()]

    assert offered("touchline rec") == ["reconcile", "record"]
    assert offered("touchline reconcile --dr") == ["--dry-run"]
    assert offered("touchline deploy i") == ["init"]
    assert offered("touchline up --profile l") == ["live"]
    assert offered("touchline up --set entry.stak") == ["entry.stake="]


def test_an_unknown_shell_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 4
    assert "tcsh" in capsys.readouterr().err
    assert main(["completion", "bash"]) == 0
    assert "complete -o default -F _touchline touchline" in capsys.readouterr().out
