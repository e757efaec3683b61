"""ops/cli/main.py: one command is found without importing all the others."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from ops.cli.main import COMMANDS, SEES_ALL, program


@pytest.mark.parametrize("command", ["halt", "exit", "trades", "down"])
def test_an_urgent_command_does_not_wait_for_the_sdk_of_the_venue(command: str) -> None:
    code = f"""if True:
        import sys
        from ops.cli.main import program
        program("{command}")
        print([name for name in ("polymarket", "matplotlib") if name in sys.modules])
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_every_command_is_where_the_table_says() -> None:
    for name in set(COMMANDS) - set(SEES_ALL):
        assert list(tree(name)) == [name]
    assert list(tree()) == list(COMMANDS)


def tree(*words: str) -> dict[str, object]:
    commands: dict[str, object] = typer.main.get_command(program(*words)).commands  # type: ignore[attr-defined]  # a group
    return commands
