"""The schema itself, and the SQL that meets it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import store
from tests.store.examples import NOW, bought, funded, match, touch

MONEY = "account claims orders reservations fills positions adjustments settlements exits".split()
CALLS = {"execute", "executemany", "fetch", "fetchrow", "fetchval"}
SOURCES = sorted(Path(store.__file__).parent.glob("*.py"))


async def test_money_is_numeric_and_time_has_a_zone(pool: asyncpg.Pool[Any]) -> None:
    """STO-M1, STO-M2, G7: by the catalogue, so that no later migration forgets it."""
    rows = await pool.fetch(
        """SELECT table_name, column_name, data_type, numeric_precision, numeric_scale
           FROM information_schema.columns WHERE table_schema = 'public'"""
    )
    kinds = {row["data_type"] for row in rows}
    assert not kinds & {"real", "double precision", "money", "timestamp without time zone"}
    numeric = {(r["numeric_precision"], r["numeric_scale"]) for r in rows
               if r["data_type"] == "numeric" and r["table_name"] not in VIEWS}  # fmt: skip
    assert numeric == {(20, 6)}


VIEWS = {"account_drift"}


async def test_every_row_of_money_has_a_mode(pool: asyncpg.Pool[Any]) -> None:
    """Q8"""
    rows = await pool.fetch(
        "SELECT table_name FROM information_schema.columns"
        " WHERE column_name = 'mode' AND is_nullable = 'NO'"
    )
    assert set(MONEY) <= {row["table_name"] for row in rows}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE claims SET token_id = ''", asyncpg.CheckViolationError),  # COR-M3
        ("UPDATE claims SET price = 1.01", asyncpg.CheckViolationError),
        ("UPDATE claims SET price = -0.01", asyncpg.CheckViolationError),
        ("UPDATE claims SET state = 'won'", asyncpg.CheckViolationError),
        ("UPDATE claims SET mode = 'demo'", asyncpg.CheckViolationError),
        ("UPDATE orders SET side = 'SELL'", asyncpg.CheckViolationError),  # EXE-M2
        ("UPDATE orders SET side = 'buy'", asyncpg.CheckViolationError),  # EXE-L1
        ("UPDATE orders SET status = 'matched'", asyncpg.CheckViolationError),
        ("UPDATE orders SET status = 'filled'", asyncpg.CheckViolationError),  # without a time
        ("UPDATE orders SET body = ''", asyncpg.CheckViolationError),
        ("UPDATE orders SET workflow_id = 'none'", asyncpg.ForeignKeyViolationError),
        ("UPDATE fills SET shares = 0", asyncpg.CheckViolationError),
        ("UPDATE fills SET order_id = 'none'", asyncpg.ForeignKeyViolationError),
        ("INSERT INTO fills SELECT * FROM fills", asyncpg.UniqueViolationError),  # XD-10
        ("UPDATE positions SET shares = -1", asyncpg.CheckViolationError),
        ("UPDATE positions SET state = 'closed'", asyncpg.CheckViolationError),  # EXE-H1
        ("UPDATE account SET reserved = -1", asyncpg.CheckViolationError),
        ("UPDATE account SET balance = -1", asyncpg.CheckViolationError),
        ("UPDATE reservations SET unfilled = 21", asyncpg.CheckViolationError),
        ("UPDATE reservations SET amount = 0", asyncpg.PostgresSyntaxError),  # it is computed
    ],
)
async def test_the_database_itself_refuses(
    pool: asyncpg.Pool[Any], statement: str, error: type[Exception]
) -> None:
    """SC: what a constraint forbids no code path can do."""
    from domain.market import Mode
    from store.fills import Fills

    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(Mode.PAPER, match(order, count="5"), NOW)
    with pytest.raises((error, asyncpg.GeneratedAlwaysError)):
        await pool.execute(statement)


def _calls(tree: ast.AST) -> list[ast.expr]:
    """Return the first argument of every call that sends SQL."""
    return [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and node.args
    ]


def _constants(tree: ast.Module) -> set[str]:
    """Return the module's own constants and those it imports: upper-case names."""
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names |= {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)
              for a in n.names}  # fmt: skip
    return {name for name in names if name.isupper()}


def _names(*parts: ast.AST) -> set[str]:
    """Return the names a text is made of; a key into a constant table is not part of the text."""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Subscript):
            names |= _names(part.value)
        else:
            names |= _names(*ast.iter_child_nodes(part))
    return names


def _built(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Return everything that each local name is made of, e.g. a query in two parts."""
    built: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for name in _names(target):
                    built.setdefault(name, []).append(node.value)
    return built


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_no_caller_can_name_a_table_or_a_column(source: Path) -> None:
    """STO-L1: SQL is made of literals and of this package's own constants, of nothing else."""
    if source.stem == "migrations":  # sends the files themselves, checked by hash
        return
    tree = ast.parse(source.read_text())
    allowed = _constants(tree)
    allowed |= {name for name, parts in _built(tree).items() if _names(*parts) <= allowed | {name}}
    for sql in _calls(tree):
        loose = _names(sql) - allowed
        assert not loose, f"{source.name}:{sql.lineno} sends SQL made of {loose}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
async def test_every_constant_statement_fits_the_schema(
    source: Path, pool: asyncpg.Pool[Any]
) -> None:
    """XD-9: prepared against the migrated schema, so that a misspelt column fails here."""
    tree = ast.parse(source.read_text())
    starts = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ")
    sent = {id(node) for node in _calls(tree)}
    async with pool.acquire() as connection:
        for node in ast.walk(tree):
            whole = id(node) in sent and isinstance(node, ast.Constant)
            if whole and str(node.value).lstrip().startswith(starts):  # type: ignore[attr-defined]  # a constant, by the test above
                await connection.prepare(str(node.value))  # type: ignore[attr-defined]  # a constant, by the test above
