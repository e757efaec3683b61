"""domain/rules.py: the defaults are those of the specification, and nobody changes one by chance"""

from datetime import timedelta
from decimal import Decimal as D

from domain.rules import EntryStyle, TradeRules
from domain.trigger import TouchSource

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def test_the_defaults_are_those_of_the_specification() -> None:
    """Spec 3, 6.2, 7, 9, 11, 12, 14, 20; where the design says more, its own figures."""
    rules = TradeRules()
    assert rules.trigger.model_dump() == {
        "threshold": D("0.95"),
        "source": TouchSource.TRADE,
        "max_age": 300 * SECOND,
        "retry_after": 5 * MINUTE,
    }
    assert rules.filters.model_dump() == {
        "weather": True,
        "min_time_to_end": 6 * HOUR,
        "excluded_categories": ("Weather", "Adult"),
        "blocked_conditions": (),
        "oracle_hold": ("proposed", "disputed", "challenged", "resolved"),
        "max_divergence": D("0.10"),
        "max_bid_gap": D("0.02"),
    }
    assert rules.strategy.model_dump() == {
        "name": "high_prob_yes",
        "entry_score": D("0.97"),
        "watch_score": D("0.90"),
        "min_trade_size": D(50),
        "size_filter": True,
        "outcome_indexes": (0,),
    }
    score = rules.score
    assert (score.provider, score.max_age, score.floor) == ("none", HOUR, None)


def test_the_default_entry_is_a_small_taker_order_under_the_cap() -> None:
    assert TradeRules().entry.model_dump() == {
        "stake": D(20),
        "max_price": D("0.95"),
        "pay_up_to": "touch",
        "style": EntryStyle.TAKE,
        "post_within": 20 * SECOND,
        "rest_for": 5 * MINUTE,
        "max_spread": D("0.30"),
        "max_book_age": 2 * SECOND,
        "attempts": 1,
        "stale_min_age": HOUR,
        "stale_max_age": 4 * HOUR,
        "stale_spread": D("0.50"),
    }
    approval = TradeRules().approval
    assert (approval.required, approval.above, approval.deadline, approval.max_price) == (
        "never",
        D(100),
        5 * MINUTE,
        D("0.98"),
    )


def test_the_default_limits_and_exits_are_those_of_the_specification() -> None:
    assert TradeRules().risk.model_dump() == {
        "max_positions": 50,
        "max_per_market": D(20),
        "max_per_event": D(60),
        "max_total": D(1000),
        "max_daily_loss": D(100),
        "reserve_floor": D(100),
        "max_balance_age": MINUTE,
        "max_error_ratio": D("0.25"),
        "min_error_attempts": 20,
        "warn_below": D(100),
        "alert_below": D(50),
        "stop_below": D(10),
        "max_reversal_ratio": D("0.10"),
        "min_reversal_fills": 20,
    }
    assert TradeRules().exits.model_dump() == {
        "target": D("0.99"),
        "stop": D("0.90"),
        "min_hold": 7 * DAY,
        "capital_cost": D("0.20"),
        "stop_needs_known_age": True,
        "trailing": None,
        "max_hold": None,
        "max_spread": D("0.20"),
        "floor_of_entry": D("0.50"),
        "max_slippage": D("0.10"),
        "stop_readings": 2,
        "stop_depth": D(50),
        "fill_wait": 30 * SECOND,
        "retry_every": MINUTE,
    }


def test_the_default_pace_is_patient() -> None:
    assert TradeRules().watch.model_dump() == {
        "every": HOUR,
        "window": 30 * DAY,
        "min_time_to_end": 6 * HOUR,
    }
    assert TradeRules().pace.model_dump() == {
        "fill_poll": 2 * SECOND,
        "hold_poll": 5 * MINUTE,
        "resolution_poll": MINUTE,
        "redeem_retry": 30 * SECOND,
        "escalate_after": 50 * SECOND,
    }
    reconcile = TradeRules().reconcile
    assert (reconcile.hold_policy, reconcile.mature_age) == ("actual", 8 * DAY)
    assert (reconcile.misses, reconcile.grace, reconcile.overlap) == (2, MINUTE, 10 * MINUTE)
