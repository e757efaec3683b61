"""Replay: the same fold and the same decisions as live, over a recording, without Temporal."""
