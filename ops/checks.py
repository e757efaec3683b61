"""Checks that ruff does not know: sizes, names, and no float near money.

usage: python -m ops.checks
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = tuple(
    "activities domain ingest ops settings sim store venue worker workflows".split()
)  # the top-level packages
SMALL_NAMES = frozenset({"utils", "helpers", "base", "manager", "common", "misc"})
MODULE_LINES, FUNCTION_LINES, MEDIAN_LINES = 300, 40, 150

# A float of this kind is no money: durations for timers and sockets.
FLOAT_ALLOWED = frozenset(
    {"seconds", "timeout", "within", "every", "wait", "delay", "pause", "age"}
)


def modules(folders: tuple[str, ...] = CODE) -> Iterator[Path]:
    """Yield the Python files of the top-level packages."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def size_faults(path: Path, tree: ast.Module, lines: int) -> Iterator[str]:
    """Yield what is too long, or named after nothing."""
    if lines > MODULE_LINES:
        yield f"{path}: a module has at most {MODULE_LINES} lines, was {lines}"
    if path.stem in SMALL_NAMES:
        yield f"{path}: a module is named after the thing it holds, was {path.stem}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if length > FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: a function has at most {FUNCTION_LINES} lines,"
                    f" {node.name} was {length}"
                )


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (first.end_lineno or first.lineno) - first.lineno + 1


def float_faults(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield money held as float: annotated fields and arguments named like money."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, kind = node.target.id, node.annotation
        elif isinstance(node, ast.arg) and node.annotation is not None:
            name, kind = node.arg, node.annotation
        else:
            continue
        if "float" in ast.unparse(kind).replace("|", " ").split() and _is_money(name):
            yield f"{path}:{node.lineno}: money is Decimal, never float, was {name}: float"


_MONEY_WORDS = frozenset(
    "price prices limit cost fee fees funds stake balance profit proceeds shares size amount"
    " usd payout cap reserve exposure bid ask mid cash reserved".split()
)


def _is_money(name: str) -> bool:
    words = set(name.lower().split("_"))
    return bool(words & _MONEY_WORDS) and not words & FLOAT_ALLOWED


def faults() -> Iterator[str]:
    """Yield every fault of the tree, as one line each."""
    lengths = []
    for path in modules():
        text = path.read_text()
        tree = ast.parse(text)
        lines = text.count("\n")
        if path.name != "__init__.py":
            lengths.append(lines)
        shown = path.relative_to(ROOT)
        yield from size_faults(shown, tree, lines)
        yield from float_faults(shown, tree)
    median = sorted(lengths)[len(lengths) // 2]
    if median > MEDIAN_LINES:
        yield f"the median module has at most {MEDIAN_LINES} lines, was {median}"


def main() -> int:
    """Print the faults and return how many there are, at most 1."""
    found = list(faults())
    for fault in found:
        print(fault)
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
