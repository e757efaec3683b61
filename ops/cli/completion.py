"""touchline completion: words for the TAB key, written out of the command line's own parser.

The script is static: TAB answers at once, where asking Python each time would take seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer

from ops.cli.exits import CliError, Exit
from settings.keys import leaves

LAUNCHER = ("check", "test")  # commands of ./touchline itself
PROFILES = ("demo", "paper", "live")


class Shell(StrEnum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SHELLS = [shell.value for shell in Shell]


@dataclass(slots=True)
class Node:
    """One command: what may follow it. `path` is its words, empty for the program itself."""

    path: tuple[str, ...]
    says: str
    commands: dict[str, str] = field(default_factory=dict)  # word → what it does
    options: dict[str, str] = field(default_factory=dict)  # option → what it means
    valued: tuple[str, ...] = ()  # options that take a value


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="The shell: bash, zsh or fish.")],
) -> None:
    """Print the completion script of a shell; see docs/operating.md for where it goes."""
    print(script(context.find_root().command, shell))


def script(program: Any, shell: Shell) -> str:
    """Return the script for a shell, from the parser of the whole program.

    Raises:
        CliError: the program has no commands, so nothing could be completed.
    """
    nodes = list(tree(program))
    if not nodes[0].commands:
        raise CliError(Exit.ERROR, "expected a program with commands")
    if shell is Shell.FISH:
        return _fish(nodes)
    return _bash(nodes) if shell is Shell.BASH else _ZSH + _bash(nodes)


def tree(command: Any, path: tuple[str, ...] = ()) -> Iterator[Node]:
    """Return this command and all below it, parents first; hidden ones are left out."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    shown = {name: part for name, part in below.items() if not part.hidden}
    node = Node(path, _plain(command.help), {name: _plain(c.help) for name, c in shown.items()})
    if not path:
        node.commands |= dict.fromkeys(LAUNCHER, "Check or test this code.")
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    for option in options:
        node.options |= dict.fromkeys((*option.opts, *option.secondary_opts), _plain(option.help))
    node.options["--help"] = "Show what it does and takes."
    node.valued = tuple(o for option in options if not option.is_flag for o in option.opts)
    yield node
    for name, part in shown.items():
        yield from tree(part, (*path, name))


def _plain(text: str | None) -> str:
    """Return the first sentence, without what a shell could read as its own."""
    first = (text or "").strip().partition("\n")[0].partition(". ")[0]
    return "".join(c for c in first if c not in "'\"`$\\")


# bash: also the 3.2 of macOS, hence neither associative arrays nor mapfile. `here` becomes the
# command so far ("deploy init"), from the words before the cursor that are commands in place.
_BASH = """\
_touchline() {
  local here= word last= words= i
  local current="${COMP_WORDS[COMP_CWORD]}"
  for ((i = 1; i < COMP_CWORD; i++)); do
    last="${COMP_WORDS[i]}"
    case "$here/$last" in
      @PATHS@) here="${here:+$here }$last" ;;
    esac
  done
  COMPREPLY=()
  case "$last" in
    --profile) COMPREPLY=($(compgen -W "@PROFILES@" -- "$current")); return ;;
    --set)
      COMPREPLY=($(compgen -W "@KEYS@" -- "$current"))
      compopt -o nospace 2>/dev/null
      return ;;
  esac
  case "$here/$last" in
    @VALUED@) return ;;
  esac
  case "$here" in
@CASES@
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _touchline touchline
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def _bash(nodes: Iterable[Node]) -> str:
    known = list(nodes)
    paths = [f'"{" ".join(node.path)}/{name}"' for node in known for name in node.commands]
    valued = [f'"{" ".join(node.path)}/{option}"' for node in known for option in node.valued]
    parts = {
        "PATHS": "|".join(paths),
        "PROFILES": " ".join(PROFILES),
        "KEYS": " ".join(f"{key}=" for key in leaves()),
        "VALUED": "|".join(valued),
        "CASES": "\n".join(_case(node) for node in known),
    }
    text = _BASH
    for name, value in parts.items():
        text = text.replace(f"@{name}@", value)
    return text.rstrip("\n")


def _case(node: Node) -> str:
    """Return what may follow a command: options where a dash was typed, else words."""
    words = list(node.commands) or (SHELLS if node.path == ("completion",) else [])
    name, options = " ".join(node.path), " ".join(node.options)
    return (
        f'    "{name}") case "$current" in -*) words="{options}" ;;'
        f' *) words="{" ".join(words)}" ;; esac ;;'
    )


def _fish(nodes: Iterable[Node]) -> str:
    lines = ["complete -c touchline -f -n __fish_use_subcommand"]
    for node in nodes:
        here = _fish_condition(node.path, node.commands)
        for name, says in node.commands.items():
            lines.append(f"complete -c touchline -f -n '{here}' -a {name} -d '{says}'")
        if node.path == ("completion",):
            lines.append(f"complete -c touchline -f -n '{here}' -a '{' '.join(SHELLS)}'")
        for option, says in node.options.items():
            lines.append(_fish_option(here, option, says, option in node.valued))
    return "\n".join(lines)


def _fish_condition(path: tuple[str, ...], below: Mapping[str, str]) -> str:
    if not path:
        return "__fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
    names = " ".join(below)
    return f"{seen}; and not __fish_seen_subcommand_from {names}" if names else seen


def _fish_option(here: str, option: str, says: str, valued: bool) -> str:
    kind = "-l" if option.startswith("--") else "-s"
    line = f"complete -c touchline -n '{here}' {kind} {option.lstrip('-')} -d '{says}'"
    if option == "--profile":
        return f"{line} -x -a '{' '.join(PROFILES)}'"
    if option == "--set":
        return f"{line} -x -a '{' '.join(f'{key}=' for key in leaves())}'"
    return f"{line} -r" if valued else line
