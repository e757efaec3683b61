"""docs/runbook.md: one entry for each alert that can ring, each with the drill that proved it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from ops.health.run import CHECKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/runbook.md").read_text()
NEWS = {"entered", "settled"}  # raised by ops/alerting/reporter.py from store/desk_news.py
ENTRIES = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n?)*)", PAGE, re.M))
RULES = ROOT / "deploy/prometheus/touchline.rules.yml"


def beginning(value: ast.expr | None, names: dict[str, ast.expr]) -> str:
    """Return what a key begins with, up to its colon; empty where it is not written there."""
    if isinstance(value, ast.Name):
        value = names.get(value.id)
    if isinstance(value, ast.JoinedStr):
        value = value.values[0]
    text = value.value if isinstance(value, ast.Constant) else ""
    return text.partition(":")[0] if isinstance(text, str) else ""


def keys_of(function: ast.AST) -> Iterator[str]:
    names = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        said = ast.unparse(call.func)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if said.endswith("_alerts.put") and call.args:
            yield beginning(call.args[0], names)
        elif said.endswith("._alert"):
            yield beginning(call.args[1], names)
        elif said == "alert":
            yield beginning(given["key"], names)


def keys_in_code() -> set[str]:
    found: set[str] = set()
    for folder in ("activities", "workflows", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found |= set(keys_of(node))
    return found - {""}


def test_every_alert_the_code_raises_has_an_entry_and_every_entry_an_alert() -> None:
    named = {name.strip() for entry in ENTRIES for name in entry.split(",")}
    ours = {name for name in named if not name.startswith(("health:", "Touchline"))}
    raised = keys_in_code()
    assert {"approval", "reconcile-refused", "redemption"} <= raised  # each way of writing a key
    assert ours == (raised | NEWS) - {"health"}


def test_every_health_check_has_an_entry_and_no_other() -> None:
    named = {entry.removeprefix("health:") for entry in ENTRIES if entry.startswith("health:")}
    assert named == set(CHECKS)


def test_every_entry_names_a_drill_that_exists() -> None:
    for entry, text in ENTRIES.items():
        if entry.startswith("Touchline"):
            continue
        proof = re.search(r"^Proved by `(tests/[\w/]+\.py)::(\w+)`\.$", text, re.M)
        assert proof, f"{entry}: no drill is named"
        code = (ROOT / proof[1]).read_text()
        assert re.search(rf"^(async )?def {proof[2]}\(", code, re.M), f"{entry}: no {proof[2]}"


def test_every_entry_of_a_trade_says_what_to_do() -> None:
    for entry, text in ENTRIES.items():
        if not entry.startswith(("health:", "Touchline", "entered")):
            assert "- Act: " in text, entry
        assert len(text) > 15, entry


def test_every_rule_of_prometheus_rings_in_its_test_and_has_an_entry() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    drills = yaml.safe_load(RULES.with_name("touchline.rules.test.yml").read_text())["tests"]
    rang = {d["alertname"] for t in drills for d in t["alert_rule_test"] if d["exp_alerts"]}
    named = {rule["alert"] for rule in rules}
    assert rang == named == {entry for entry in ENTRIES if entry.startswith("Touchline")}
