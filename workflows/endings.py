"""Endings: the ways a stage tells the story that the trade is over."""

from __future__ import annotations

from domain.trade import Stage


class Ending(Exception):
    """Leave the story; `TradeWorkflow.run` writes the ending down and closes the run."""

    def __init__(self, stage: Stage, reason: str, retry_after_s: int = 0) -> None:
        super().__init__(reason)
        self.stage, self.reason, self.retry_after_s = stage, reason, retry_after_s


def not_entered(reason: str, retry_after_s: int) -> Ending:
    """Return the ending "for now": the id is free again after the rest."""
    return Ending(Stage.NOT_ENTERED, reason, retry_after_s)


def declined(reason: str) -> Ending:
    """Return the ending "for good": the market is never traded at this threshold."""
    return Ending(Stage.DECLINED, reason)


def cancelled(reason: str) -> Ending:
    """Return the ending of a trade that was cancelled before anything was posted."""
    return Ending(Stage.CANCELLED, reason)


def abandoned(reason: str) -> Ending:
    """Return the ending of a trade that a person took over after money was spent."""
    return Ending(Stage.ABANDONED, reason)
