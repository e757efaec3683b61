"""ops/replay/scores.py: what a model would have said then, never later"""

from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest

from domain.rules import ScoreRules
from domain.score import ScoreRequest
from ops.replay.errors import BadScores
from ops.replay.scores import assumed, scores_of, table_scores
from tests.domain.examples import NOW, book, market

HOUR = timedelta(hours=1)
HEAD = "token_id,value,version,at\n"


def asked(hours: float = 0, token: str = "111") -> ScoreRequest:
    return ScoreRequest(token_id=token, market=market(), book=book(), now=NOW + hours * HOUR)


def test_an_assumed_score_is_always_of_now() -> None:
    made = assumed(D("0.98"))(asked(3))
    assert made and (made.value, made.version, made.at) == (D("0.98"), "assumed", NOW + 3 * HOUR)


def test_a_table_never_tells_what_was_not_known_yet(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    late, early = "111,0.98,m,2026-03-01T13:00:00+00:00\n", "111,0.92,m,2026-03-01T12:00:00+00:00\n"
    table.write_text(HEAD + late + early)
    score = table_scores(table)
    assert score(asked(-0.1)) is None and score(asked(token="222")) is None
    values = [made.value for hours in (0, 0.99, 1, 9) if (made := score(asked(hours)))]
    assert values == [D("0.92"), D("0.92"), D("0.98"), D("0.98")]


@pytest.mark.parametrize(
    "row",
    [
        "111,abc,m,2026-03-01T12:00:00+00:00",
        "111,2,m,2026-03-01T12:00:00+00:00",
        "111,0.9,m,noon",
        "111,0.9",
    ],
)
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(HEAD + row + "\n")
    with pytest.raises(BadScores, match="line 2: expected token_id, value in 0..1"):
        table_scores(table)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadScores, match="nothing.csv: expected a readable CSV file"):
        scores_of(ScoreRules(provider="table", table=str(tmp_path / "nothing.csv")))


def test_the_settings_name_the_provider_as_far_as_a_replay_can_ask_it(tmp_path: Path) -> None:
    mid = scores_of(ScoreRules(provider="market"))(asked())
    assert mid and mid.value == D("0.945")
    old = scores_of(ScoreRules(provider="heuristic"))(asked())
    assert old and old.version == "heuristic-1"
    assert scores_of(ScoreRules(provider="http", url="http://model"))(asked()) is None
    assert scores_of(ScoreRules(provider="table"))(asked()) is None
    table = tmp_path / "scores.csv"
    table.write_text(HEAD)
    assert scores_of(ScoreRules(provider="calibrated", table=str(table)))(asked()) is None
