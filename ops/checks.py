"""Checks that ruff does not know: sizes, names, and no float near money.

usage: python -m ops.checks
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = tuple(
    "activities domain ingest ops settings sim store venue worker workflows".split()
)  # the top-level packages
SMALL_NAMES = frozenset({"utils", "helpers", "base", "manager", "common", "misc"})
MODULE_LINES, FUNCTION_LINES, MEDIAN_LINES = 300, 40, 150

_SILENCED = re.compile(r"#\s*(?P<what>noqa(: [A-Z0-9, ]+)?|type: ignore(\[[^]]*\])?)(?P<why>.*)")
MIN_REASON = 6  # characters

# A float of this kind is no money: durations for timers and sockets.
FLOAT_ALLOWED = frozenset(
    {"seconds", "timeout", "within", "every", "wait", "delay", "pause", "age"}
)


def modules(folders: tuple[str, ...] = CODE) -> Iterator[Path]:
    """Yield the Python files of the top-level packages."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def size_faults(path: Path, text: str) -> Iterator[str]:
    """Yield what is too long, or named after nothing."""
    lines = text.count("\n")
    if lines > MODULE_LINES:
        yield f"{path}: a module has at most {MODULE_LINES} lines, was {lines}"
    if path.stem in SMALL_NAMES:
        yield f"{path}: a module is named after the thing it holds, was {path.stem}"
    code = code_lines(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[ast.get_docstring(node) is not None :] or node.body
            end = node.end_lineno or node.lineno
            length = 1 + sum(first[0].lineno <= line <= end for line in code)
            if length > FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: a function has at most {FUNCTION_LINES} lines of code,"
                    f" {node.name} was {length}"
                )


def silence_faults(path: Path, text: str) -> Iterator[str]:
    """Yield checks that are silenced without the reason beside it."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (found := _SILENCED.search(token.string)):
            if len(found["why"].strip(" #-()")) < MIN_REASON:
                yield f"{path}:{token.start[0]}: {found['what']} wants its reason beside it"


def code_lines(text: str) -> set[int]:
    """Return the numbers of lines that say something.

    Comments, empty lines and lines of closing brackets do not; a text over several lines (SQL)
    counts as one.
    """
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]
        for token in tokens
        if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
        or (token.type == tokenize.OP and token.string not in ")]},")
    }


def float_faults(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield money held as float: annotated fields and arguments named like money."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, kind = node.target.id, node.annotation
        elif isinstance(node, ast.arg) and node.annotation is not None:
            name, kind = node.arg, node.annotation
        else:
            continue
        if "float" in re.findall(r"\w+", ast.unparse(kind)) and _is_money(name):
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
        if path.name != "__init__.py":
            lengths.append(text.count("\n"))
        shown = path.relative_to(ROOT)
        yield from size_faults(shown, text)
        yield from float_faults(shown, ast.parse(text))
    for path in modules((*CODE, "bench", "tests")):
        yield from silence_faults(path.relative_to(ROOT), path.read_text())
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
