"""Profiles: named sets of settings, each with the reason that is shown on screen."""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """One value of a profile. An empty note means: nothing a user must be told."""

    value: str
    note: str = ""


DEMO = {
    "mode": Preset("paper"),
    "sim.source": Preset("tape", "a recording is played; the money is play money"),
    "sim.speed": Preset("30", "30 times faster than it happened"),
    "trigger.source": Preset("quote", "the recording has books but no trades: the best bid counts"),
    "trigger.retry_after": Preset("3s", "these markets live 15 minutes, 30 seconds at this speed"),
    "filters.min_time_to_end": Preset("1s", "these markets last 15 minutes (default: 6 h)"),
    "watch.every": Preset("1s", "the watchlist is looked at every second (default: 1 h)"),
    "watch.window": Preset("1m"),
    "watch.min_time_to_end": Preset("1s"),
    "strategy.outcome_indexes": Preset("0,1", "Up and Down: neither outcome is a Yes"),
    "strategy.size_filter": Preset("false", "no trades recorded, so no trade size to judge"),
    "score.provider": Preset("market", "the book's own midpoint is the score; refused in live"),
    "score.floor": Preset("0.94", "a floor to match that score (default: a model's 0.97)"),
    "entry.pay_up_to": Preset("cap", "a bid is no offer: pay up to the cap, not the bid"),
    "entry.max_price": Preset(
        "0.98",
        "asks after a touch average 0.961; try --set entry.max_price=0.95: nothing is bought",
    ),
    "risk.max_per_market": Preset("25"),  # the stake of 20 and its fee
    "pace.fill_poll": Preset("1s"),
    "pace.hold_poll": Preset("5s"),
    "pace.resolution_poll": Preset("2s", "looks for the resolution every 2 s (default: 1 min)"),
    "pace.redeem_retry": Preset("2s"),
    "schedule.discover": Preset("5s"),
    "schedule.reconcile": Preset("30s"),
}
PAPER = {
    "mode": Preset("paper"),
    "sim.source": Preset("mirror", "the live feed is read; orders stay on this machine"),
}
LIVE = {
    "mode": Preset("live", "REAL MONEY"),
    "sim.source": Preset("off"),
    "entry.stake": Preset("5", "small until the paper record shows an edge"),
    "risk.max_positions": Preset("5", "small until the paper record shows an edge"),
    "risk.max_per_market": Preset("6"),
    "risk.max_per_event": Preset("12"),
    "risk.max_total": Preset("50", "small until the paper record shows an edge"),
    "risk.max_daily_loss": Preset("10"),
}
PROFILES = {"demo": DEMO, "paper": PAPER, "live": LIVE}

WARNINGS = {
    "demo": (
        "Play money on a recording of 18 markets of one morning, all of which won: it shows the"
        " mechanics and proves nothing about profit."
    ),
    "paper": "Play money on the live feed: orders are matched here and never reach the venue.",
    "live": "REAL MONEY. Orders go to the venue.",
}
