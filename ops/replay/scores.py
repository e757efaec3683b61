"""Scores of a replay: what a model would have said at that moment, never later (no peeking)."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import ValidationError

from domain.rules import ScoreRules
from domain.score import Score, ScoreRequest, heuristic_score, market_score
from ops.replay.errors import BadScores

Scores = Callable[[ScoreRequest], Score | None]
ASSUMED = "assumed"


def assumed(value: Decimal) -> Scores:
    """Return the same score for every market: "what if the model always said 0.98"."""

    def score(request: ScoreRequest) -> Score | None:
        return Score(value=value, version=ASSUMED, at=request.now)

    return score


def scores_of(rules: ScoreRules) -> Scores:
    """Return the provider of the settings as far as a replay can ask it.

    A model behind a URL is not asked: it knows today what it could not know then.

    Raises:
        BadScores: the table cannot be read.
    """
    if rules.provider == "market":
        return market_score
    if rules.provider == "heuristic":
        return heuristic_score
    if rules.provider in ("table", "calibrated") and rules.table:
        return table_scores(Path(rules.table))
    return lambda _: None


def table_scores(path: Path) -> Scores:
    """Return scores from a CSV file (token_id, value, version, at), the newest at each moment.

    Raises:
        BadScores: the file, a column or a value is wrong; names the line.
    """
    rows: dict[str, list[Score]] = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                token, read = _row(path, line, row)
                rows[token].append(read)
    except OSError as e:
        raise BadScores(f"{path}: expected a readable CSV file, was {e.strerror}") from e
    for known in rows.values():
        known.sort(key=lambda s: s.at)

    def score(request: ScoreRequest) -> Score | None:
        known = rows.get(request.token_id, [])
        before = bisect_right(known, request.now, key=lambda s: s.at)
        return known[before - 1] if before else None

    return score


def _row(path: Path, line: int, row: dict[str, str]) -> tuple[str, Score]:
    try:
        score = Score(
            value=Decimal(row["value"]),
            version=row["version"],
            at=datetime.fromisoformat(row["at"]),
        )
        return row["token_id"], score
    except (KeyError, TypeError, InvalidOperation, ValueError, ValidationError) as e:
        wanted = "token_id, value in 0..1, version, at (ISO time in UTC)"
        raise BadScores(f"{path}, line {line}: expected {wanted}, was {row}") from e
