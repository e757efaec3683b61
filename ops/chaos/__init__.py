"""Chaos: the whole stack under deaths and faults, and the judge of what is left."""
