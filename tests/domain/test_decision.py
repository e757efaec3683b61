"""domain/decision.py"""

from decimal import Decimal as D

from domain.decision import Verdict, enter, hold, ignore, watch
from domain.money import Price, Usd


def test_enter_carries_limit_and_stake() -> None:
    made = enter("sure", Price(D("0.95")), Usd(D(20)), score=D("0.98"))
    assert (made.verdict, made.filter, made.reason) == (Verdict.ENTER, "strategy", "sure")
    assert (made.limit, made.stake, made.values) == (D("0.95"), D(20), {"score": "0.98"})


def test_watch_hold_and_ignore_name_what_decided() -> None:
    assert watch("near", score=1).verdict is Verdict.WATCH
    assert watch("near", score=1).filter == "strategy"
    assert watch("near", score=1).values == {"score": "1"} and watch("near").reason == "near"
    held = hold("score", "no score", entry_score=D("0.97"))
    assert (held.verdict, held.filter, held.reason) == (Verdict.HOLD, "score", "no score")
    assert held.values == {"entry_score": "0.97"} and not held.for_good
    gone = ignore("weather", "rain", for_good=True, word="rain")
    assert (gone.verdict, gone.filter, gone.reason) == (Verdict.IGNORE, "weather", "rain")
    assert gone.for_good and gone.values == {"word": "rain"} and not ignore("x", "y").for_good


def test_unknown_figures_are_left_out_of_a_decision() -> None:
    assert hold("book", "none", best_ask=None, best_bid=D("0.9")).values == {"best_bid": "0.9"}
