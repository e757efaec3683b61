"""Mutation testing of the domain: changes one thing at a time and asks whether a test notices.

    python -m bench.mutate [MODULE ...] [--workers 2] [--report FILE]

Each mutant runs in a forked process that has pytest and its plug-ins loaded but nothing of
ours: an import hook gives it the changed module, and the tests of that module decide. Strings
for people, annotations and docstrings are not changed; numbers in strings are.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec, PathFinder
from itertools import islice
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

DOMAIN = Path("domain")
TESTS = Path("tests/domain")
SHARED = {  # tests of modules that have no test file of their own name
    "context": ("test_screen", "test_strategy", "test_filters"),
    "lots": ("test_positions",),
    "high_prob_yes": ("test_strategy",),
    "market": ("test_words", "test_money", "test_filters"),
    "orders": ("test_words", "test_states"),
    "record": ("test_words",),
    "trade": ("test_states",),
    "trigger": ("test_words",),
}
SECONDS = 60  # a mutant that runs longer loops for ever: killed
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
    ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "floor_to": "ceil_to", "ceil_to": "floor_to"}


class Mutant(NamedTuple):
    """One change of one module."""

    module: Path
    line: int
    change: str
    source: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(path.read_text())
    for number, node in enumerate(list(_nodes(tree))):
        for variant in range(3):
            if _change(copy.deepcopy(node), variant) is None:
                continue
            changed = copy.deepcopy(tree)
            change = _change(next(islice(_nodes(changed), number, None)), variant)
            yield Mutant(path, getattr(node, "lineno", 0), str(change), ast.unparse(changed))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what may be changed: no annotations, no docstrings, no imports."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _silent(child):
                continue
            yield child
            yield from _nodes(child)


def _silent(node: ast.AST) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _change(node: ast.AST, variant: int) -> str | None:
    """Change a node in place; return what was done, or None for nothing to do."""
    if variant == 0:
        return _swap(node) or _constant(node)
    if variant == 1:
        return _condition(node)
    return _result(node)


def _swap(node: ast.AST) -> str | None:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        was = type(node.ops[0])
        node.ops[0] = SWAPS[was]()  # type: ignore[call-overload]  # an operator is swapped for one of its kind
        return f"{was.__name__} -> {SWAPS[was].__name__}"
    if isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in SWAPS:
        operator = type(node.op)
        node.op = SWAPS[operator]()  # type: ignore[assignment]  # an operator is swapped for one of its kind
        return f"{operator.__name__} -> {SWAPS[operator].__name__}"
    if isinstance(node, ast.Name) and node.id in NAMES:
        was_name, node.id = node.id, NAMES[node.id]
        return f"{was_name} -> {node.id}"
    return None


def _constant(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Constant):
        return None
    was = node.value
    if isinstance(was, bool):
        node.value = not was
    elif isinstance(was, int):
        node.value = was + 1
    elif isinstance(was, str) and was.replace(".", "", 1).isdigit():
        node.value = was[:-1] + str((int(was[-1]) + 1) % 10)
    else:
        return None
    return f"{was!r} -> {node.value!r}"


def _condition(node: ast.AST) -> str | None:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
        return "condition negated"
    if isinstance(node, ast.comprehension) and node.ifs:
        node.ifs = []
        return "filter removed"
    return None


def _result(node: ast.AST) -> str | None:
    if isinstance(node, ast.Return) and node.value is not None:
        if isinstance(node.value, ast.Constant) and node.value.value is None:
            return None
        node.value = ast.Constant(None)
        return "returns None"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
        return "sign or not removed"
    if isinstance(node, ast.Assign) and _is_attribute(node):
        node.targets = [ast.Name(id="_unused", ctx=ast.Store())]
        return "assignment lost"
    return None


def _is_attribute(node: ast.Assign) -> bool:
    return all(isinstance(target, ast.Attribute) for target in node.targets)


class _Hook(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Gives one module changed source."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        found = PathFinder.find_spec(name, path)
        return None if found is None else importlib.util.spec_from_loader(name, self)

    def get_source(self, fullname: str) -> str:
        return self._source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, fullname, "exec")


def survives(mutant: Mutant) -> bool:
    """Run the module's tests on the mutant in a fork; return whether all of them pass."""
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _run(mutant: Mutant) -> int:
    import signal

    import pytest

    signal.alarm(SECONDS)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    name = ".".join(mutant.module.with_suffix("").parts)
    sys.meta_path.insert(0, _Hook(name, mutant.source))
    options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", "--noconftest"]
    options += ["--hypothesis-profile=mutate", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    try:
        return int(pytest.main([*options, *tests_of(mutant.module)]))
    except BaseException:  # whatever a mutant breaks, it was noticed
        return 1


def tests_of(module: Path) -> list[str]:
    """Return the test files that must notice a change of this module."""
    names = SHARED.get(module.stem, (f"test_{module.stem}",))
    return [str(TESTS / f"{name}.py") for name in names]


def modules(names: list[str]) -> list[Path]:
    """Return the modules to change: the named ones, or all that have tests."""
    found = sorted(p for p in DOMAIN.rglob("*.py") if p.stem != "__init__")
    return [
        p
        for p in found
        if (not names or p.stem in names) and all(Path(t).exists() for t in tests_of(p))
    ]


def main() -> int:
    """Report the score; exit 1 below 90 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, help="only so many, chosen by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    import hypothesis
    import pydantic  # noqa: F401 - loaded once, before forking
    import pytest  # noqa: F401  # the import is the check

    hypothesis.settings.register_profile(
        "mutate", max_examples=40, derandomize=True, database=None, deadline=None
    )
    for path in modules(given.modules):
        if not survives(Mutant(path, 0, "nothing", path.read_text())):
            print(f"the tests of {path} fail without any change: {' '.join(tests_of(path))}")
            return 1
    todo = [m for path in modules(given.modules) for m in mutants(path)]
    if given.sample is not None and given.sample < len(todo):
        todo = random.Random(given.seed).sample(todo, given.sample)
    with ThreadPoolExecutor(given.workers) as pool:
        alive = []
        for mutant, lived in zip(todo, pool.map(survives, todo), strict=True):
            if lived:
                alive.append(mutant)
                print(f"survived  {mutant.module}:{mutant.line}  {mutant.change}", flush=True)
    total, left = Counter(m.module.stem for m in todo), Counter(m.module.stem for m in alive)
    for name, count in sorted(total.items()):
        print(f"{name:16} {count - left[name]:5} of {count:5} killed")
    score = 1 - len(alive) / max(len(todo), 1)
    print(f"killed {len(todo) - len(alive)} of {len(todo)}: {score:.1%}")
    if given.report is not None:
        rows = {name: [count - left[name], count] for name, count in total.items()}
        text = json.dumps({"killed": len(todo) - len(alive), "of": len(todo), "modules": rows})
        given.report.write_text(text + "\n")
    return 0 if score >= 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
