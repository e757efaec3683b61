"""Supervision: each part its own OS process, started in order, watched, stopped in reverse."""
