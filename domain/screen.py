"""Screen: the whole of a screening as one pure function.

Ingest (hard part only), activities and replay call the same code on the same values: that is
why a replay's decisions equal the live ones.
"""

from __future__ import annotations

from domain.context import ScreenContext
from domain.decision import Decision, Verdict, as_text, hold
from domain.entry import OrderPlan, limit_price, plan_entry, worst_price
from domain.filters import first_objection
from domain.gates import entry_gate, figures
from domain.money import plain
from domain.orders import TimeInForce
from domain.rules import ApprovalRules, EntryStyle, TradeRules
from domain.strategy import Strategy, ask
from domain.trade import HaltState


def screen(context: ScreenContext, rules: TradeRules, strategy: Strategy) -> Decision:
    """Return the decision on one touch: hard filters, strategy, then the entry's own gates."""
    decision = hard(context, rules) or _held(context) or _judged(context, rules, strategy)
    return decision.model_copy(update={"decided_at": context.now})


def hard(context: ScreenContext, rules: TradeRules) -> Decision | None:
    """Return the objection that needs neither book nor score, or None: what ingest asks."""
    if context.halt is not HaltState.ACTIVE:
        return hold("halted", f"entries are stopped: {context.halt}", halt=context.halt)
    return first_objection(context, rules)


def _held(context: ScreenContext) -> Decision | None:
    if not context.position_open:
        return None
    return hold("position_open", "a position on this token is open already")


def _judged(context: ScreenContext, rules: TradeRules, strategy: Strategy) -> Decision:
    """Ask the strategy; where it enters, see whether the book allows it."""
    decision = ask(strategy, context, rules)
    if decision.verdict is not Verdict.ENTER:
        return decision
    plan = check_entry(context, rules, decision)
    if isinstance(plan, Decision):
        return decision.model_copy(
            update={
                "verdict": plan.verdict,
                "filter": plan.filter,
                "reason": plan.reason,
                "values": decision.values | plan.values,
                "limit": None,
                "stake": None,
            }
        )
    seen = {} if context.book is None else figures(context.book)
    values = as_text(seen)
    values |= as_text({"shares": plan.shares, "funds": plan.funds})
    return decision.model_copy(update={"limit": plan.limit, "values": decision.values | values})


def needs_person(decision: Decision, rules: ApprovalRules) -> bool:
    """Return whether a person is asked before this ENTER is posted (spec 10, Q14)."""
    if rules.required == "above":
        return decision.stake is None or decision.stake > rules.above
    return rules.required == "always"


def check_entry(
    context: ScreenContext, rules: TradeRules, decision: Decision
) -> OrderPlan | Decision:
    """Return the order that an ENTER leads to now, or the HOLD that forbids it.

    Also asked again at the moment of entry, with a fresh book and clock (COR-M1, COR-M2).
    """
    book, market = context.book, context.market
    if book is None or market is None or decision.limit is None or decision.stake is None:
        return hold("book", "the book could not be read")
    wanted = min(decision.limit, worst_price(context.touched, rules.entry))
    if needs_person(decision, rules.approval):
        wanted = min(wanted, rules.approval.max_price)
    limit = limit_price(wanted, rules.entry.max_price, book.tick)
    if limit is None:
        grid, most = plain(book.tick), plain(wanted)
        return hold("tick", f"no price of the {grid} grid is at or below {most}")
    resting = rules.entry.style is EntryStyle.REST
    touched = context.trigger.price
    refused = entry_gate(book, limit, touched, rules, context.now, resting=resting)
    if refused is not None:
        return refused
    tif = TimeInForce.GTD if resting else TimeInForce.FAK
    plan = plan_entry(decision.stake, limit, market, book, tif=tif)
    if isinstance(plan, OrderPlan):
        return plan
    return hold(plan.filter, plan.reason, **plan.values)
