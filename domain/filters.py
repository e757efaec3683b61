"""Hard filters: named, ordered, pure; the first that objects decides (spec 7).

They run in ingest before a workflow starts and again in every screening. The chain is data:
`touchline filters` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from domain.context import ScreenContext
from domain.decision import Decision, hold, ignore
from domain.market import Market
from domain.rules import TradeRules
from domain.weather import weather_word


def hours(span: timedelta) -> str:
    """Return the span as hours with two places, for reasons."""
    return f"{span / timedelta(hours=1):.2f}"


def trade_age(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse touches older than the limit by the venue's own time (G1, COR-M1).

    A clock a little ahead counts as age zero; one ahead by more than the limit is no time.
    """
    age, limit = context.age, rules.trigger.max_age
    if age > limit:
        return hold("trade_age", f"G1: {_seconds(age)} old", age=age, max_age=limit)
    if -age > limit:
        return hold("trade_age", f"G1: {_seconds(-age)} in the future", age=age, max_age=limit)
    return None


def market_known(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse what the catalogue does not know, or knows as another market's token (Q6)."""
    token = context.trigger.token_id
    if context.market is None:
        return hold("market_known", "the catalogue does not know this market")
    if context.market.condition_id != context.trigger.condition_id:
        reason = "the catalogue has this token under another condition"
        return hold("market_known", reason, condition_id=context.market.condition_id)
    if context.market.token(token) is None:
        return hold("market_known", "the token is not of this market", token_id=token)
    return None


def weather(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse questions about weather (G6), by whole words."""
    market = context.market
    if market is None or not rules.filters.weather:
        return None
    word = weather_word(market.question, _labels(market))
    if word is None:
        return None
    return ignore(
        "weather", f"G6: the question is about weather ({word})", for_good=True, word=word
    )


def time_to_end(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse markets that end too soon, and those whose end is unknown (XD-4)."""
    left, least = context.time_to_end, rules.filters.min_time_to_end
    if left is None:
        return hold("time_to_end", "the end time is unknown")
    if left >= least:
        return None
    reason = f"{hours(left)} hours left, {hours(least)} wanted"
    return hold("time_to_end", reason, hours_left=hours(left), end_time=context.now + left)


def category(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse excluded categories and tags; exact case, no category passes."""
    market = context.market
    found = (
        None if market is None else _first_in(_labels(market), rules.filters.excluded_categories)
    )
    if found is None:
        return None
    return ignore("category", f"category {found} is excluded", for_good=True, category=found)


def blocked(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse conditions on the block list of settings or operators."""
    condition = context.trigger.condition_id
    if condition in context.blocks or condition in rules.filters.blocked_conditions:
        return ignore("blocked", "the market is blocked", for_good=True)
    return None


def outcome(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse outcomes that the strategy does not buy (Q5, XD-5): Yes only, unless set."""
    wanted, index = rules.strategy.outcome_indexes, context.trigger.outcome_index
    if index in wanted:
        return None
    name = context.trigger.outcome
    return ignore("outcome", f"outcome {name} is not bought", outcome=name, index=index)


def placeholder(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse unnamed outcomes of augmented neg-risk events: "Other", "Person B" (facts 5.1)."""
    market = context.market
    if market is None or not market.augmented_neg_risk:
        return None
    found = _PLACEHOLDER.search(market.question) or _UNNAMED.fullmatch(market.group_title.strip())
    if found is None:
        return None
    reason = f"placeholder outcome ({found.group()})"
    return ignore("placeholder", reason, for_good=True, text=found.group())


def tradable(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse markets that take no orders."""
    market = context.market
    if market is None or (market.active and not market.closed and market.accepting_orders):
        return None
    state = "closed" if market.closed else "not accepting orders"
    return hold("tradable", f"the market is {state}", state=state)


def oracle(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Refuse markets whose result is proposed or disputed: the price is no longer a forecast."""
    status = None if context.market is None else context.market.resolution_status
    if status is None or status.casefold() not in rules.filters.oracle_hold:
        return None
    return hold("oracle", f"the resolution is {status}", status=status)


class HardFilter(NamedTuple):
    """One link of the chain."""

    name: str
    origin: str  # incident or finding it answers
    text: str
    check: Callable[[ScreenContext, TradeRules], Decision | None]


CHAIN: tuple[HardFilter, ...] = (
    HardFilter("trade_age", "G1", "touch not older than trigger.max_age", trade_age),
    HardFilter("market_known", "Q6", "market and token are in the catalogue", market_known),
    HardFilter("weather", "G6", "no weather word in the question", weather),
    HardFilter("time_to_end", "XD-4", "at least filters.min_time_to_end, known", time_to_end),
    HardFilter("category", "spec 7", "not in filters.excluded_categories", category),
    HardFilter("blocked", "spec 6.1", "not blocked by settings or operators", blocked),
    HardFilter("outcome", "XD-5", "one of strategy.outcome_indexes", outcome),
    HardFilter("placeholder", "facts 5.1", "no unnamed outcome of a growing event", placeholder),
    HardFilter("tradable", "facts 5.1", "market active, open, accepting orders", tradable),
    HardFilter("oracle", "facts 6.1", "resolution not in filters.oracle_hold", oracle),
)


def first_objection(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Return the decision of the first filter that objects, or None when all pass."""
    for link in CHAIN:
        decision = link.check(context, rules)
        if decision is not None:
            return decision
    return None


_KINDS = "person|player|candidate|team|company|option|party|movie|artist|individual|country|coach"
_PLACEHOLDER = re.compile(rf"\b(?i:{_KINDS}) [A-Z]{{1,2}}\b|\b(?i:(another|other) ({_KINDS}))\b")
_UNNAMED = re.compile(rf"(?i:other|another.*|({_KINDS}) [a-z]{{1,2}})")


def _labels(market: Market) -> tuple[str, ...]:
    return (*market.tags, *((market.category,) if market.category else ()))


def _first_in(labels: tuple[str, ...], excluded: tuple[str, ...]) -> str | None:
    return next((label for label in labels if label in excluded), None)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
