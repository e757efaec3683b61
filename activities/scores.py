"""Score providers that need the world: a model behind a URL, or a table of scores.

None is an answer ("no score") and means HOLD; no provider ever guesses (spec 8, Q2).
"""

from __future__ import annotations

import csv
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import httpx
from pydantic import ValidationError
from temporalio import activity

from domain.market import Mode
from domain.rules import ScoreRules
from domain.score import (
    Score,
    ScoreProvider,
    ScoreRequest,
    allowed,
    heuristic_score,
    market_score,
)


class PureScores:
    """A provider that only looks at what it is given: `market`, `heuristic`, `none`."""

    def __init__(self, name: str, rule: Callable[[ScoreRequest], Score | None]) -> None:
        self.name, self._rule = name, rule

    async def score(self, request: ScoreRequest) -> Score | None:
        """Return the rule's score."""
        return self._rule(request)


class HttpScores:
    """A model behind a URL: POST the market, read `{"value", "version", "at"}`.

    A provider that is down, slow or answers nonsense gives no score; the reason is logged.
    """

    name = "http"

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url, self._client = url, client

    async def score(self, request: ScoreRequest) -> Score | None:
        """Ask the model about one token."""
        body = {
            "condition_id": request.market.condition_id,
            "token_id": request.token_id,
            "question": request.market.question,
            "bid": _text(request.book.best_bid if request.book else None),
            "ask": _text(request.book.best_ask if request.book else None),
        }
        try:
            reply = await self._client.post(self._url, json=body)
            reply.raise_for_status()
            return Score.model_validate_json(reply.content)
        except (httpx.HTTPError, ValidationError) as e:
            _log("score_provider_failed", str(e))
            return None


class TableScores:
    """Scores by token id from a CSV file with the columns token_id, value, version, at."""

    name = "table"

    def __init__(self, path: Path) -> None:
        """Read the table.

        Raises:
            ValueError: the file, a column or a value is wrong; names the line.
        """
        self._scores = read_table(path)

    async def score(self, request: ScoreRequest) -> Score | None:
        """Return the newest score of the token, or None when the table has none."""
        return self._scores.get(request.token_id)


class StoredScores:
    """Scores that another process writes into our database (table `scores`)."""

    name = "table"

    def __init__(self, newest: Callable[[str], Awaitable[Score | None]]) -> None:
        self._newest = newest

    async def score(self, request: ScoreRequest) -> Score | None:
        """Return the newest score of the token, or None when there is none."""
        return await self._newest(request.token_id)


def read_table(path: Path) -> dict[str, Score]:
    """Return the newest score of each token.

    Raises:
        ValueError: the file, a column or a value is wrong; names the line.
    """
    newest: dict[str, Score] = {}
    try:
        with path.open(newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                token, score = _row(path, line, row)
                if token not in newest or newest[token].at < score.at:
                    newest[token] = score
    except OSError as e:
        raise ValueError(f"score.table: expected a readable CSV file, was {path}: {e}") from e
    return newest


def _row(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, Score]:
    try:
        token, version = row["token_id"] or "", row["version"] or ""
        at = datetime.fromisoformat(row["at"] or "")
        return token, Score(value=Decimal(row["value"] or ""), version=version, at=at)
    except (KeyError, ValueError, InvalidOperation) as e:
        expected = "token_id, value in 0..1, version, at (ISO time with zone)"
        raise ValueError(f"{path}, line {line}: expected {expected}, was {row}") from e


def build_scores(
    rules: ScoreRules,
    mode: Mode,
    client: httpx.AsyncClient,
    newest: Callable[[str], Awaitable[Score | None]],
) -> ScoreProvider:
    """Return the provider that the settings name.

    Raises:
        ValueError: a paper-only provider in live mode, or a missing URL.
    """
    if not allowed(rules.provider, mode):
        raise ValueError(f"score.provider: {rules.provider} is for paper only, mode was live")
    if rules.provider == "http":
        if not rules.url:
            raise ValueError("score.url: expected the URL of a model for the provider http")
        return HttpScores(rules.url, client)
    if rules.provider in ("table", "calibrated"):
        return TableScores(Path(rules.table)) if rules.table else StoredScores(newest)
    pure: dict[str, Callable[[ScoreRequest], Score | None]] = {
        "market": market_score,
        "heuristic": heuristic_score,
    }
    return PureScores(rules.provider, pure.get(rules.provider, lambda _: None))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _log(event: str, error: str) -> None:
    if activity.in_activity():
        activity.logger.warning(event, extra={"error": error})
