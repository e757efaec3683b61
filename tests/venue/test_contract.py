"""docs/venue-contract.md names tests that exist, and each id once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "venue-contract.md").read_text()
CARDS = re.findall(r"^\| ([A-Z]+-\d+[a-z]?) \|.*?`(tests/[\w/]+\.py)::(\w+)`", PAGE, re.MULTILINE)


def test_every_card_has_an_id_of_its_own() -> None:
    ids = [card[0] for card in CARDS]
    assert len(ids) > 30
    assert sorted(set(ids)) == sorted(ids)
    assert len(re.findall(r"^\| [A-Z]+-\d+[a-z]? \|", PAGE, re.MULTILINE)) == len(ids)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: str(card[0]))
def test_the_test_a_card_names_exists(card: tuple[str, str, str]) -> None:
    _, path, name = card
    assert f"def {name}(" in (ROOT / path).read_text()
