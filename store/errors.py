"""Errors of the store that a caller can act on."""

from __future__ import annotations


class StoreError(Exception):
    """The store refuses a request that contradicts what it knows."""


class UnknownOrder(StoreError):
    """No order with this id was ever prepared or adopted here."""


class UnknownTrade(StoreError):
    """No claim or position of this trade is known."""


class FillConflict(StoreError):
    """The venue now reports a known fill with another price, size or side: drift."""


class ModeNeeded(StoreError):
    """The same trade id exists in paper and in live; the caller must say which."""


class OtherToken(StoreError):
    """A trade holds, or is about to buy, another token of the market."""
