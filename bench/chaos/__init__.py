"""Chaos in one process: a clock that is ours, a real database, a venue in memory, a small Temporal."""
