"""deploy/prometheus, deploy/grafana: valid, and about metrics and pages that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ingest.feed import FeedHealth, SocketHealth
from ingest.health import Health
from ingest.metrics import IngestMetrics
from tests.ops.dashboard.conftest import TOKEN, Shown, browser_of

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy/prometheus/touchline.rules.yml"
BOARD = ROOT / "deploy/grafana/touchline.json"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool here")

# Served by Temporal's SDK (worker --metrics), listed in its documentation; seen in a live scrape.
OF_TEMPORAL = {
    "temporal_workflow_task_schedule_to_start_latency_seconds",
    "temporal_workflow_task_execution_latency_seconds",
    "temporal_activity_schedule_to_start_latency_seconds",
    "temporal_activity_execution_latency_seconds",
    "temporal_num_pollers",
    "temporal_worker_task_slots_available",
}


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BOARD.read_text())
    return found


def expressions() -> list[str]:
    targets = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + targets


def named(expression: str) -> set[str]:
    found = set(re.findall(r"\b(?:touchline|temporal)_\w+", expression))
    return {re.sub(r"_bucket$", "", name) for name in found}


async def of_desk(shown: Shown) -> set[str]:
    async with browser_of(shown.app) as client:
        await shown.morning.whole()
        reply = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    return set(re.findall(r"^# TYPE (\w+)", reply.text, re.MULTILINE))


def of_ingest() -> set[str]:
    class Feed:
        timings: list[int] = []

        def health(self) -> FeedHealth:
            one = SocketHealth(epoch=1, wanted=1, missing=0, data_age=0.5)
            return FeedHealth(by_socket={0: one})

        def ends(self) -> Counter[str]:
            return Counter(drop=1)

    class Part:
        waiting = above_at_first = 0
        decoder = type("D", (), {"unknown": Counter(a=1), "malformed": Counter(a=1)})
        counts = odd = Counter(a=1)
        feed = Feed()
        news = user = None

        def __getattr__(self, _: str) -> Part:
            return self

    parts = Part()
    parts.feed.decoder = Part.decoder  # type: ignore[attr-defined]  # known to be there
    health = Health(parts)  # type: ignore[arg-type]  # a stand-in
    found = set()
    for family in IngestMetrics(health.gauges, health.counters).collect():
        counter = family.type == "counter"
        found.add(f"{family.name}_total" if counter else family.name)
    return found


async def test_every_metric_of_rules_and_board_exists(shown: Shown) -> None:
    exist = await of_desk(shown) | of_ingest() | OF_TEMPORAL
    for expression in expressions():
        names = named(expression)
        assert names <= exist, (expression, names - exist)
    used = set().union(*map(named, expressions()))
    assert OF_TEMPORAL <= used  # nothing is listed in vain


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "rules", str(RULES)],
        ["test", "rules", str(RULES.with_name("touchline.rules.test.yml"))],
        ["check", "config", "--syntax-only", str(RULES.with_name("prometheus.yml"))],
    ],
)
def test_promtool_finds_no_fault(arguments: list[str]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_expression_of_the_board_is_valid(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    made = [
        {"record": f"board:{n}", "expr": expression.replace("$__rate_interval", "1m")}
        for n, expression in enumerate(expressions())
    ]
    path = tmp_path / "board.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": made}]}))
    done = subprocess.run([PROMTOOL, "check", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_of_the_board_have_ids_of_their_own() -> None:
    ids = [panel["id"] for panel in board()["panels"]]
    assert len(ids) == len(set(ids)) > 15


def test_every_alert_has_its_entry_in_the_runbook() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    headings = {
        line.lstrip("# ").strip().lower() for line in runbook.splitlines() if line[:1] == "#"
    }
    for rule in rules():
        anchor = rule["annotations"]["runbook"].partition("#")[2]
        assert anchor == rule["alert"].lower() and anchor in headings, rule["alert"]


def test_every_key_of_an_alert_in_the_code_has_its_entry_in_the_runbook() -> None:
    """Texts that the code raises by itself: found by their literal keys."""
    runbook = (ROOT / "docs/runbook.md").read_text()
    keys = set()
    for folder in ("activities", "workflows", "worker"):
        for path in (ROOT / folder).glob("*.py"):
            keys |= set(re.findall(r'key=f?"([a-z_-]+):', path.read_text()))
            keys |= set(re.findall(r'\.put\(\s*f?"([a-z_-]+):', path.read_text()))
    assert keys >= {"approval", "abandoned", "health"}
    missing = {key for key in keys if f"`{key}:" not in runbook}
    assert not missing


__all__ = ["httpx"]
