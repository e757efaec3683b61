"""Embedded services: PostgreSQL and the Temporal dev server, run from binaries on this machine."""
