"""docs/strategies.md: the example of a user's own strategy runs as it stands there"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.decision import Decision, Verdict
from domain.screen import screen
from domain.strategy import Registry, Strategy
from tests.domain.examples import NOW, book, context, market, rules, score

PAGE = Path(__file__).parents[2] / "docs/strategies.md"


class Installed:
    """What the entry point of an installed package offers."""

    name = "last_hour"

    def load(self) -> Any:
        (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
        names: dict[str, Any] = {}
        exec(compile(code, str(PAGE), "exec"), names)
        return names["LastHour"]


def decide(**changed: Any) -> Decision:
    strategy: Strategy = Registry([Installed()]).get("last_hour")
    given = {"market": market(end_time=NOW + timedelta(minutes=40))} | changed
    return screen(context(**given), rules(filters={"min_time_to_end": 60}), strategy)


def test_the_example_buys_in_the_last_hour() -> None:
    made = decide()
    assert made.verdict is Verdict.ENTER and made.reason == "last hour, tight, sure"
    assert (made.strategy, made.strategy_version) == ("last_hour", "1")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"market": market(end_time=NOW + timedelta(hours=2))}, "not in the last hour"),
        ({"book": book(None, "0.95")}, "one side of the book is empty"),
        ({"book": book("0.93", "0.95")}, "the book is not tight"),
        ({"score": score("0.96")}, "the model is not sure"),
        ({"score": None}, "no score"),
    ],
)
def test_the_example_says_why_it_waits(changed: dict[str, Any], reason: str) -> None:
    made = decide(**changed)
    assert made.verdict is Verdict.HOLD and made.reason == reason


def test_the_page_names_every_figure_that_a_strategy_sees() -> None:
    from domain.strategy import StrategyContext

    page = PAGE.read_text()
    unsaid = set(StrategyContext.model_fields) - {"condition_id", "token_id", "now"}
    assert {name for name in unsaid if f"`{name}`" not in page} == set()
