"""Deterministic and free of I/O: the trade told as a story, and the scheduled workflows."""
