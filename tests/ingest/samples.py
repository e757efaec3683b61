"""Invented markets and the fakes that tests of ingest share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from domain.decision import Decision
from domain.market import Market, Mode, Token
from domain.money import price, shares
from domain.rules import FilterRules, StrategyRules, TradeRules, TriggerRules
from domain.trigger import TouchSource, Trigger
from ingest.tokens import Tokens, TokenState
from ingest.trades import NotNow
from tests.venue.wire.frames import CONDITION, NO, YES

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def market(condition_id: str = CONDITION, tokens: tuple[str, str] = (YES, NO)) -> Market:
    """Return a market that passes every hard filter at NOW."""
    return Market(
        condition_id=condition_id,
        question="Will it happen?",
        slug="will-it-happen",
        event_id="77",
        end_time=NOW + timedelta(days=3650),
        tokens=(
            Token(token_id=tokens[0], outcome="Yes", index=0),
            Token(token_id=tokens[1], outcome="No", index=1),
        ),
    )


def many(count: int) -> list[Market]:
    """Return so many different markets."""
    return [
        market(f"0x{i:064x}", (f"{2 * i + 10**76}", f"{2 * i + 1 + 10**76}")) for i in range(count)
    ]


def rules(
    source: TouchSource = TouchSource.TRADE, outcomes: tuple[int, ...] = (0,), rest: float = 300
) -> TradeRules:
    """Return the default rules with this trigger source."""
    return TradeRules(
        trigger=TriggerRules(source=source, retry_after=timedelta(seconds=rest)),
        filters=FilterRules(),
        strategy=StrategyRules(outcome_indexes=outcomes),
    )


def tokens_of(rules: TradeRules, *markets: Market, taken: bool = False) -> Tokens:
    """Return the tokens of these markets, or of the sample market."""
    tokens = Tokens(rules.trigger, rules.strategy)
    for one in markets or (market(),):
        tokens.put(one, taken=taken)
    return tokens


def trigger(at: datetime = NOW, condition_id: str = CONDITION) -> Trigger:
    """Return a trigger at 0.96 that the venue dates `at`."""
    return Trigger(
        mode=Mode.PAPER,
        condition_id=condition_id,
        token_id=YES,
        outcome="Yes",
        outcome_index=0,
        threshold=price("0.95"),
        price=price("0.96"),
        size=shares(60),
        source=TouchSource.TRADE,
        venue_time=at,
        seen_at=at,
        question="Will it happen?",
        slug="will-it-happen",
        event_id="77",
    )


class FakeTrades:
    """Temporal with a memory: starts each id once; `down` makes it refuse for now."""

    def __init__(self) -> None:
        self.started: list[Trigger] = []
        self.told: list[tuple[str, str, BaseModel]] = []
        self.calls = 0
        self.down = 0
        self.unknown: set[str] = set()

    async def start(self, trigger: Trigger) -> bool:
        """Start, or answer False for an id that was started."""
        self._up()
        if any(old.workflow_id == trigger.workflow_id for old in self.started):
            return False
        self.started.append(trigger)
        return True

    async def tell(self, workflow_id: str, signal: str, message: BaseModel) -> bool:
        """Take a signal, or answer False for a trade that does not run."""
        self._up()
        if workflow_id in self.unknown:
            return False
        self.told.append((workflow_id, signal, message))
        return True

    def _up(self) -> None:
        self.calls += 1
        if self.down:
            self.down -= 1
            raise NotNow("down")


class FakeSink:
    """Remembers what the fold reported."""

    def __init__(self) -> None:
        self.touches: list[tuple[str, int, str]] = []
        self.lost: list[tuple[str, int]] = []
        self.levels: list[tuple[str, int]] = []
        self.hints: list[tuple[str, str]] = []

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Remember a touch."""
        self.touches.append((state.token_id, price, size))

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Remember an unseen move."""
        self.lost.append((state.token_id, price))

    def level(self, state: TokenState) -> None:
        """Remember the bid that a level is compared with."""
        self.levels.append((state.token_id, state.bid))

    def hint(self, kind: str, condition_id: str) -> None:
        """Remember a hint."""
        self.hints.append((kind, condition_id))


class FakeJournal:
    """Remembers rows."""

    def __init__(self) -> None:
        self.objections: list[tuple[Trigger, Decision]] = []
        self.unseen_rows: list[tuple[Trigger, str]] = []

    def objected(self, trigger: Trigger, decision: Decision) -> None:
        """Remember an objection."""
        self.objections.append((trigger, decision))

    def unseen(self, trigger: Trigger, reason: str) -> None:
        """Remember an unseen touch."""
        self.unseen_rows.append((trigger, reason))
