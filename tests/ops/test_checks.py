"""ops/checks.py: sizes, names, and no float near money."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ops.checks import float_faults, silence_faults, size_faults

HERE = Path("domain/thing.py")


def floats(code: str) -> list[str]:
    return list(float_faults(HERE, ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "price: float = 1",
        "class A:\n    entry_price: float | None",
        "def f(max_cost: float) -> None: ...",
        "def f(*, fee: 'float') -> None: ...",
    ],
)
def test_money_as_float_is_a_fault(code: str) -> None:
    (fault,) = floats(code)
    assert fault.startswith("domain/thing.py:") and "never float" in fault


@pytest.mark.parametrize(
    "code",
    [
        "price: Decimal = D(1)",
        "timeout: float = 5",
        "def f(bid_age: float) -> None: ...",
        "x = 1.0",
    ],
)
def test_a_float_that_is_no_money_is_none(code: str) -> None:
    assert floats(code) == []


def sizes(code: str, path: Path = HERE) -> list[str]:
    return list(size_faults(path, code))


def test_a_long_module_and_a_long_function_are_faults() -> None:
    assert len(sizes("x = 1\n" * 301)) == 1
    body = "    x = 1\n" * 40
    assert sizes(f"def f() -> None:\n{body}") == [
        "domain/thing.py:1: a function has at most 40 lines of code, f was 41"
    ]


def test_docstrings_comments_closers_and_long_texts_do_not_count() -> None:
    text = '    """One.\n' + "    more\n" * 30 + '    """\n'
    sql = '    y = """SELECT\n' + "    1,\n" * 30 + '    """\n'
    rest = "    # why\n\n    f(\n    )\n" * 5
    assert sizes("def f() -> None:\n" + text + sql + rest + "    x = 1\n" * 33) == []


def test_a_module_is_named_after_the_thing() -> None:
    assert len(sizes("x = 1\n", Path("store/utils.py"))) == 1


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("x = 1  # noqa: S603", True),
        ("x = 1  # noqa", True),
        ("x = 1  # type: ignore[misc]", True),
        ("x = 1  # type: ignore[misc]  # the library has no types", False),
        ("x = 1  # noqa: S603 (our own arguments)", False),
        ("x = '# noqa: S603'", False),
    ],
)
def test_a_silenced_check_has_its_reason_beside_it(line: str, fault: bool) -> None:
    assert bool(list(silence_faults(Path("x.py"), line))) is fault
