"""Lists: triggers with the why-not funnel, watchlist, approvals, alerts, markets, audit."""

from __future__ import annotations

from datetime import timedelta

from ops.dashboard.desk import Desk
from ops.dashboard.pages.page import Context, Page, Params, whole_number
from store.alerts import Alerts
from store.approvals import Approvals
from store.audit import Audit
from store.decisions import Decisions
from store.desk_standing import Standing
from store.scores import Blocks
from store.touches import Touches
from store.views import Views

HOURS = {"1": "last hour", "24": "last day", "168": "last week", "720": "last 30 days"}


async def read_triggers(desk: Desk, params: Params) -> Context:
    """Return how many decisions each rule took, the touches behind them, and those lost."""
    hours = params.get("hours", "24")
    hours = hours if hours in HOURS else "24"
    now = desk.clock()
    since = now - timedelta(hours=int(hours))
    funnel = await Decisions(desk.pool).funnel(since, now + timedelta(minutes=1))
    return {
        "hours": hours,
        "spans": HOURS,
        "funnel": funnel,
        "most": max((row.decisions for row in funnel), default=1),
        "touched": await Views(desk.pool).trades(desk.mode, since, 100),
        "lost": [t for t in await Touches(desk.pool).since(since, 50) if t.mode is desk.mode],
    }


async def read_watchlist(desk: Desk, _: Params) -> Context:
    """Return the touches that are looked at again each hour."""
    return {"watched": await Standing(desk.pool).watched(desk.mode)}


async def read_approvals(desk: Desk, _: Params) -> Context:
    """Return the questions that wait for a person."""
    return {"approvals": await Approvals(desk.pool).pending(desk.mode)}


async def read_alerts(desk: Desk, params: Params) -> Context:
    """Return the alerts of the last weeks."""
    days = whole_number(params.get("days"), 14, 365)
    since = desk.clock() - timedelta(days=days)
    return {"alerts": await Alerts(desk.pool).recent(since, 200), "days": days}


async def read_markets(desk: Desk, params: Params) -> Context:
    """Return markets that fit a text, and those that are blocked."""
    text = params.get("q", "").strip()[:200]
    return {
        "q": text,
        "markets": await Standing(desk.pool).markets(text),
        "blocks": await Blocks(desk.pool).all(),
    }


async def read_audit(desk: Desk, _: Params) -> Context:
    """Return who did what in the last month."""
    return {"rows": await Audit(desk.pool).since(desk.clock() - timedelta(days=30), 200)}


PAGES = (
    Page("approvals", "/approvals", "Approvals", ("approvals",), read_approvals),
    Page("triggers", "/triggers", "Why (not)", ("funnel", "touched", "lost"), read_triggers),
    Page("watchlist", "/watchlist", "Watchlist", ("watchlist",), read_watchlist),
    Page("alerts", "/alerts", "Alerts", ("alerts",), read_alerts),
    Page("markets", "/markets", "Markets", ("blocks", "markets"), read_markets),
    Page("audit", "/audit", "Audit", ("audit",), read_audit),
)
