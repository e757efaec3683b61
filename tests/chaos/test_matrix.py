"""docs/fault-matrix.md: each id once, tests that exist, and faults that are really injected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.chaos import plan
from ops.chaos import script
from sim import faults

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fault-matrix.md").read_text()
IDS = (
    "K1 K2 K3 T1 T2 T3 T4 H1 H2 H3 H4 H5 H6 G1 G2 G3 G4 W1 W2 W3 W4 W5"
    " D1 D2 S1 S2 C1 R1 R2 R3 O1 O2 O3 N1 P1"
).split()
ROWS = re.findall(r"^\| ([A-Z]\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
TESTS = sorted(
    {(row[0], *test) for row in ROWS for test in re.findall(r"`([\w/.]+)::(\w+)`", row[3])}
)
LISTS = {
    "fast": {*plan.ORDER_FAULTS, *plan.LATER_FAULTS, *plan.READ_FAULTS, *plan.MODES},
    "whole": {*script.FAULTS, *script.WINDOWS},
    "sim": {*faults.CATALOGUE, *faults.WINDOWS, *faults.ACTS},
}


def test_every_id_of_the_matrix_stands_once() -> None:
    assert [row[0] for row in ROWS] == IDS
    assert len(re.findall(r"^\| [A-Z]\d ", PAGE, re.MULTILINE)) == len(IDS)


def test_every_row_says_where_it_is_injected_and_names_tests() -> None:
    for name, fault, injected, tests in ROWS:
        assert re.match(r"(fast|whole|sim|drill|test)\b", injected), name
        assert len(re.findall(r"`tests/[\w/]+\.py::\w+`", tests)) >= 2, name
        assert len(tests.split("<br>")) == len(re.findall("::", tests)), name
        assert fault.endswith(" ¹") is (f"- **{name}**: " in PAGE), f"{name} and its note"


@pytest.mark.parametrize("named", TESTS, ids=lambda named: f"{named[0]}-{named[2]}"[:60])
def test_a_test_that_a_row_names_exists(named: tuple[str, str, str]) -> None:
    _, path, name = named
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_a_fault_named_for_a_variant_is_in_its_list() -> None:
    found = 0
    for name, _, injected, _ in ROWS:
        for variant, words in re.findall(r"\b(fast|whole|sim): (.*?)(?=\. |$)", injected):
            named = {word for word in re.findall(r"`([^`]+)`", words) if "/" not in word}
            assert named <= LISTS[variant], f"{name}: {named - LISTS[variant]}"
            found += len(named)
    assert found > 80
