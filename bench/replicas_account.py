"""Accounting for bench.ingest_replicas: where did each touch go, and who was alive just then?"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.trigger import trade_id
from ingest.pipeline import moment
from ingest.tokens import TokenState, from_micro
from store.decisions import Decisions
from store.pool import open_pool
from store.touches import Touches

CLOSE = timedelta(seconds=5)  # what logs say this near to a missing touch is printed


@dataclass(frozen=True)
class Touched:
    """The first touch of one market, as the undisturbed witness saw it."""

    workflow_id: str
    outcome: int
    price: int
    venue: datetime
    seen: datetime
    at: float  # time.monotonic()


class Witness:
    """Remembers when each market touched for the first time."""

    def __init__(self) -> None:
        self.touches: dict[str, Touched] = {}
        self.disturbed = 0

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Remember."""
        self._keep(state, price, ms, seen_ns)

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Remember what crossed in a gap of the witness' own: it is to be accounted for as well."""
        self.disturbed += 1
        self._keep(state, price, ms, time.time_ns())

    def _keep(self, state: TokenState, price: int, ms: int, seen_ns: int) -> None:
        market, venue = state.market, moment(ms * 1_000_000)
        token, seen = market.token(state.token_id), moment(seen_ns)
        assert state.touch is not None and token is not None and venue and seen
        trade = trade_id(market.condition_id, from_micro(state.touch.threshold))
        found = Touched(trade, token.index, price, venue, seen, time.monotonic())
        self.touches.setdefault(market.condition_id, found)

    def level(self, state: TokenState) -> None:
        """Ignore."""

    def hint(self, kind: str, condition_id: str) -> None:
        """Ignore."""


@dataclass
class Life:
    """One ingest process: when it ran, and what it said."""

    number: int
    log: Path
    began: datetime
    ready: datetime | None = None
    ended: datetime | None = None

    def alive(self, at: datetime) -> bool:
        """Return whether it was reading at this moment."""
        return self.ready is not None and self.ready <= at and (not self.ended or at < self.ended)

    def lines(self) -> Iterator[dict[str, str]]:
        """Yield its log; the last line of a killed process may be cut."""
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


@dataclass
class Account:
    """What became of every touch of the witness."""

    touches: int = 0
    went: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    more: set[str] = field(default_factory=set)  # workflows of none of these touches

    def good(self) -> bool:
        """Return whether each touch is accounted for, once."""
        return self.touches > 0 and not self.missing and not self.double


async def settle(
    client: Client, dsn: str, touches: dict[str, Touched], lives: list[Life]
) -> Account:
    """Ask Temporal for each id, then the store for the rows of those without a workflow.

    By id, because Temporal's list is late by design; the list only shows doubles.
    """
    account = Account(touches=len(touches))
    runs = Counter([run.id async for run in client.list_workflows("WorkflowType='TradeWorkflow'")])
    account.double = [found for found, times in runs.items() if times > 1]
    account.more = runs.keys() - {touch.workflow_id for touch in touches.values()}
    pool = await open_pool(dsn)
    decisions = Decisions(pool)
    lost = await Touches(pool).since(datetime.now(UTC) - timedelta(days=1), limit=100_000)
    kinds = {row.condition_id: f"row {row.kind.value}: {row.reason}" for row in lost}
    for condition, touch in touches.items():
        rows = await decisions.of_condition(condition)
        if await _exists(client, touch.workflow_id):
            account.went["workflow"] += 1
        elif rows:
            account.went[f"row of the filter {rows[0].decision.filter}"] += 1
        elif condition in kinds:
            account.went[kinds[condition]] += 1
        else:
            account.missing.append(_story(condition, touch, lives))
    await pool.close()
    return account


async def _exists(client: Client, workflow_id: str) -> bool:
    try:
        await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _story(condition: str, touch: Touched, lives: Iterable[Life]) -> str:
    """Return everything known of a missing touch: who was alive and what was said near it."""
    story = [
        f"{condition} outcome {touch.outcome} at {touch.price / 1e6}:"
        f" venue {touch.venue:%H:%M:%S.%f}, witness {touch.seen:%H:%M:%S.%f}"
    ]
    for life in lives:
        if life.began > touch.seen + CLOSE or (life.ended and life.ended < touch.seen - CLOSE):
            continue
        ready = "never" if life.ready is None else f"{life.ready:%H:%M:%S.%f}"
        ended = "the end" if life.ended is None else f"{life.ended:%H:%M:%S.%f}"
        story.append(
            f"  ingest {life.number}: ready {ready}, until {ended}, alive {life.alive(touch.seen)}"
        )
        for line in life.lines():
            about = condition in json.dumps(line)
            near = abs(_at(line) - touch.seen) < CLOSE and line.get("event") != "dispatched"
            if about or near:
                story.append(f"    {json.dumps(line)[:300]}")
    return "\n".join(story)


def _at(line: dict[str, str]) -> datetime:
    try:
        return datetime.fromisoformat(line["timestamp"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(0, UTC)
