"""Chaos in one process: our own clock, a real database, a venue in memory, a small Temporal."""
