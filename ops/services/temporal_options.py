"""What the Temporal dev server is started with, each setting with its reason."""

from __future__ import annotations

from types import MappingProxyType

NAMESPACE = "default"
RETENTION = "365d"  # a closed id stays taken this long; the unique claim in the store for ever

# Visibility only: never used to decide anything (design section 5).
SEARCH_ATTRIBUTES = MappingProxyType(
    {
        "Mode": "Keyword",
        "Stage": "Keyword",
        "ConditionId": "Keyword",
        "TokenId": "Keyword",
        "EventId": "Keyword",
        "Strategy": "Keyword",
        "Threshold": "Double",
        "EntryPrice": "Double",
        "RealisedProfit": "Double",
    }
)

# The dev server has one history shard; its poll caps (20/s) add 40 to 50 ms a hop in a burst.
# A shift of 1 s would make every timer and back-off below a second take a whole one.
DYNAMIC_CONFIG = MappingProxyType(
    {
        "history.transferProcessorMaxPollRPS": "5000",
        "history.timerProcessorMaxPollRPS": "5000",
        "history.visibilityProcessorMaxPollRPS": "5000",
        "history.outboundProcessorMaxPollRPS": "5000",
        "history.timerProcessorMaxTimeShift": '"1ms"',
    }
)

# SQLite's default journal costs 40 to 60 % latency and half the throughput. WAL with NORMAL may
# lose the last commits in a power cut, never more; reconciliation adopts what that leaves.
SQLITE_PRAGMAS = MappingProxyType({"journal_mode": "wal", "synchronous": "normal"})


def dynamic_config_arguments() -> list[str]:
    """Return the dynamic configuration as command line arguments."""
    return [
        part
        for key, value in DYNAMIC_CONFIG.items()
        for part in ("--dynamic-config-value", f"{key}={value}")
    ]
